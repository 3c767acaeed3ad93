// Package load decides when a flow of load starts, starts it then, and records what became
// of it. What a flow is, it does not know: a device's life, a request to the service API.
//
//  1. A Schedule puts stages in sequence, each with a vegeta Pacer. It is worked out ahead
//     of the clock, so the moment at which a flow is to start follows from the scenario and
//     the seed alone, and every worker knows which starts are its own (Shard).
//  2. An Executor waits for that moment and starts the flow in a goroutine of its own. It
//     never waits for another flow, unless as many are under way as it may have; that wait
//     counts as lag, like any other reason to be late.
//  3. A Recorder hears of every flow and request when it ends. Both stream to files in
//     vegeta's Result encoding, which `vegeta report` and `vegeta plot` read: Timestamp is
//     the intended start, Latency counts from there, and the header Dpslab-Start-Lag tells
//     how late the start was. Histograms, series and counts stay in memory, which does not
//     grow with the number of flows.
//
// In closed mode nothing is intended: a fixed number of workers each start a flow when the
// last has ended. That measures capacity, and no latency.
package load
