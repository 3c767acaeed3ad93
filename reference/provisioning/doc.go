// Package provisioning is the core of the reference DPS: what happens to a registration
// whatever transport it came by.
//
//  1. A front hands over a Claim: who the device says it is and how it proves it.
//  2. Attest finds the enrollment that decides (an individual one first, then groups from
//     the nearest issuer) and lets attestation judge the proof.
//  3. Register opens an operation and answers at once: the status is assigning.
//  4. Behind it, the assignment chooses a hub by the enrollment's policy, writes identity
//     and twin there over the Hub interface, and stores the record.
//  5. Operation tells a poll how far that came. A poll that arrives early waits a moment
//     for the assignment to settle, so that a quick one costs the device one poll.
//
// Time is the service's clock. A registration that was acknowledged runs to its end even
// when its device has gone; Close waits for it.
package provisioning
