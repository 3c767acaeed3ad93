// Package load holds what a load run found, and adds runs together.
//
// A Run is a value, kept as one JSON document after JSONSchema. It begins with the answer:
// how many devices of the fleet came to be assigned, and how long after their planned
// power-on. What each part counts:
//
//   - flows are whole tasks: a device's way from power-on to assigned, or one request of a
//     load on the service API. requests are what they are made of. Neither is counted among
//     the other.
//   - a latency is corrected when it counts from the moment at which the task was to start,
//     and raw when from the moment at which it did. The first is what a user would see.
//   - series has one row for each second of the run: what was asked for, what was started,
//     what ended then.
//   - health is how well the generator did its own part. A paced run in which it was late
//     more than the rule allows (Health.Void) says nothing of the target.
//
// Units stand in the names: nanoseconds for spans, seconds for places on the time axis,
// microseconds in histograms of latency, milliseconds in histograms of devices' waits. All
// histograms are HDR histograms (Histogram), which add up without loss; Merge adds the runs
// of several workers and judges the sum.
package load
