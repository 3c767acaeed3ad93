// Package reports holds what a conformance run found and renders it.
//
// A run is a value: what was tested, against which catalogue, and one Result for every
// run of every check, whether it ran or not. Everything here is a pure function of that
// value: WriteJSON and ReadJSON keep it, WriteJUnit tells it to CI systems, WriteText to
// a terminal, package html to people. Nothing here opens a connection, and nothing here
// knows the suites.
//
// The sums must add up. Reconcile compares the counts with the results and the results
// with the catalogue that the run carries, and a report that does not reconcile is not a
// report: a check that silently vanished is worse than one that failed.
package reports
