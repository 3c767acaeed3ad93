// Package fleet is many simulated devices: what each of them is, by which protocol it
// comes, and what it does with its life.
//
// A Fleet holds no device. Which share of the mix the i-th one belongs to, its identity and
// its chances follow from the fleet's seed and from i, so that any worker can be any device,
// and a device that has not been switched on costs nothing. Live is one device's life, in
// the goroutine that calls it:
//
//  1. power on: register, with the fleet's patience and backoff, until assigned
//  2. connect to the hub, answer methods, read the twin, report, send telemetry
//  3. after a while, where its behaviour says so: register anew, reboot, or change to its
//     second key or certificate; then from 1 on
//  4. when its stay is over: disconnect
//
// A hub that goes away is connected to again, with the same backoff, and after a few tries
// in vain the device asks the service where it belongs now.
package fleet
