// Package scenarios is scripted fleets: one YAML file says what the devices are, when they
// are powered on and what is expected of it all. With five devices it is a functional
// check, with ten thousand a load.
//
// Library holds the files that come with dpslab. Parse reads one strictly: a field that the
// format does not know, and a value that cannot be, are refused with line and column.
// Plan makes of a scenario what package run does.
package scenarios
