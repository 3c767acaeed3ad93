package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/dpslab/dpslab/internal/requirement"
	"github.com/dpslab/dpslab/reports"
)

// knownFailing is a file of failures that are expected of a target:
//
//	dpslab: known-failing/v1
//	failing:
//	  - id: DPS-MQTT-003
//	    transport: mqtt-ws        # left out: over any
//	    reason: the gateway answers before it acknowledges, fixed in 4.2
type knownFailing struct {
	Dpslab  string `yaml:"dpslab"`
	Failing []struct {
		ID        string `yaml:"id"`
		Transport string `yaml:"transport"`
		Reason    string `yaml:"reason"`
	} `yaml:"failing"`
}

const knownFailingVersion = "known-failing/v1"

// loadKnownFailing reads such a file. An entry that can match nothing is an error: it would
// excuse nothing and be taken for an excuse.
func loadKnownFailing(file string) ([]reports.Known, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var f knownFailing
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, errors.New(yaml.FormatError(err, false, false)))
	}
	if f.Dpslab != knownFailingVersion {
		return nil, fmt.Errorf("%s: begins with dpslab: %q; a file of known failures begins with dpslab: %s", file, f.Dpslab, knownFailingVersion)
	}
	var known []reports.Known
	for i, one := range f.Failing {
		clause, ok := requirement.Find(one.ID)
		at := fmt.Sprintf("%s: failing[%d]", file, i)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: no requirement has the id %q; dpslab requirements lists them", at, one.ID)
		case one.Transport != "" && one.Transport != "none" && !slices.Contains(clause.Transports, one.Transport):
			return nil, fmt.Errorf("%s: %s is not about transport %q but %v", at, one.ID, one.Transport, clause.Transports)
		case one.Reason == "":
			return nil, fmt.Errorf("%s: %s has no reason", at, one.ID)
		}
		entry := reports.Known{Requirement: one.ID, Transport: one.Transport, Reason: one.Reason}
		if slices.ContainsFunc(known, func(k reports.Known) bool {
			return k.Requirement == entry.Requirement && (k.Transport == entry.Transport || k.Transport == "" || entry.Transport == "")
		}) {
			return nil, fmt.Errorf("%s: %s is there already", at, one.ID)
		}
		known = append(known, entry)
	}
	return known, nil
}
