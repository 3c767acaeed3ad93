package fakehub

import (
	"slices"

	"github.com/dpslab/dpslab/internal/point"
)

// Defects is the catalogue of what a hub can be made to do wrong. Each entry names the
// requirements whose checks must see it.
var Defects = slices.Concat(connectionDefects, messageDefects, amqpDefects, serviceDefects)

// both joins the plans of two builders.
func both(a, b func(point.Args) ([]point.Plan, error)) func(point.Args) ([]point.Plan, error) {
	return func(args point.Args) ([]point.Plan, error) {
		one, err := a(args)
		if err != nil {
			return nil, err
		}
		two, err := b(args)
		return append(one, two...), err
	}
}
