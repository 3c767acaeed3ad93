// Package containers starts a lab of containers: the reference and three hubs, each in a
// container of its own, in one network.
//
//  1. Options names a dpslab that runs on this machine. `dpslab up` makes a state folder
//     with it: authority, names, keys. What the lab consists of is labelled with the run,
//     and a child of ours holds a pipe to us; when we are gone, however we ended, it
//     removes everything that has the label. What the owner of a label left behind that is
//     dead is removed at the next start.
//  2. The image is that binary and nothing else (FROM scratch), or one that is loaded.
//  3. Four containers start side by side, each with a copy of the state: the reference
//     with the names of the service as network aliases, and each hub with its own. They
//     listen on the standard ports; the names resolve in the network as the real ones
//     would, and no other name resolves.
//  4. Clients on this machine dial published ports. The lab writes a target file (package
//     sut) that says which, where each process has its control port, and where the service
//     reaches each hub inside.
//  5. A process that loads that file joins the lab (Attach) and may start one more hub in a
//     container of its own, to stop, pause or cut it off. No check touches the four.
//
// The engine is found as testcontainers-go finds it: DOCKER_HOST, the sockets of Docker
// and Podman, TESTCONTAINERS_… and ~/.testcontainers.properties. For an engine of this
// machine of which nothing is said, its reaper container is off, since ours does the same
// without an image to pull, and published ports are looked for on loopback.
//
// This is the only package of the suite that knows testcontainers-go.
package containers
