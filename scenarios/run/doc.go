// Package run does what a scenario says, at a target.
//
//  1. What the fleet's devices need is enrolled through the service API: groups one by one,
//     individual enrollments in bulk, each worker those of its own devices.
//  2. Devices are powered on when package load says so. Each lives its life (package fleet)
//     until its end or the deadline. Meanwhile the timeline's actions are done to the target.
//  3. Every answer is held to the invariants while it is fresh, and at the end the records
//     of the service to what the devices were told.
//  4. The result is a reports/load.Run, and two files in vegeta's encoding beside it.
//
// A load on the service API (RunService) has requests in place of lives, and no invariants.
//
// An interrupted run does not do 3's second half; all that it found until then stands, and
// is marked.
package run
