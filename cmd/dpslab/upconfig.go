package main

import (
	"github.com/dpslab/dpslab/internal/lab"
	"github.com/dpslab/dpslab/internal/labfile"
)

// configure puts in what a lab file says, except where a flag was given.
func configure(o *lab.Options, file string, given func(flag string) bool) error {
	if file == "" {
		return nil
	}
	says, err := labfile.Load(file)
	if err != nil {
		return err
	}
	if given("id-scope") {
		says.Service.IDScope = ""
	}
	if given("retry-after") {
		says.Service.RetryAfter = nil
	}
	if given("limits") {
		says.Service.Limits = nil
	}
	if given("hubs") {
		says.Hubs = nil
	}
	return o.Configure(says)
}
