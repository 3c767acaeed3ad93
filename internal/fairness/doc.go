// Package fairness judges whether devices were spread over hubs in proportion to their
// weights, so that a check can be strict and never red by chance.
//
// The judge is Pearson's chi-squared statistic over the hubs. Three numbers describe it,
// and a Verdict prints them:
//
//   - the false alarm: a fair spread is found unfair less than once in a million runs
//     (FalseAlarm). The statistic of counts is only nearly chi-squared, and its tail is a
//     little heavier, so the limit is that of an eighth of the rate; tests work out the
//     true rate by going through every possible outcome.
//   - the statistic, and the limit that it must not exceed.
//   - the power: the smallest bias that so many devices show 99 times in 100 (Sure), as
//     the share by which a hub is off while the others keep their proportions. To halve
//     it takes four times the devices.
//
// It belongs to neither half: suites, scenarios and tests of the reference use it.
package fairness
