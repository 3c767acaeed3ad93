// Package interop lets official SDKs, unmodified, tell whether a lab is what they expect:
// they are witnesses that no code of this module has a part in. It has no code of its own,
// only tests, and small client programs in the SDKs' languages.
//
// node/ holds the programs over the npm packages. `go test ./suites/interop` runs them:
//
//  1. It installs the packages (npm ci, by the lock file) and builds dpslab, unless
//     DPSLAB_BINARY names one.
//  2. SDKs resolve names by themselves and dial ports 443 and 8883. So the test starts
//     again in network and mount namespaces of its own, where these ports are free, the
//     loopback device is the only one, and nothing leads to the real cloud. There it runs
//     `dpslab up --standard-ports -- TEST`, itself once more.
//  3. Inside, it lays a hosts file with the lab's names over /etc/hosts. Now every name
//     that an SDK asks for is the lab.
//  4. Each cell is a subtest and one Node process: TestNode/mqtt-ws/x509-group runs
//     node/cell.js, which enrolls a device through the service SDK, registers it, and has
//     it work at its hub. The program prints one line of JSON for each step.
//  5. A red shows the SDK's own error and the lab's record of that device.
//
// DPSLAB_INTEROP=skip skips them, for a machine without Node.
package interop
