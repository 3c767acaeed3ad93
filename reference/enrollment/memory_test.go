package enrollment_test

import (
	"testing"

	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/enrollment/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Test(t, func(*testing.T) enrollment.Store { return enrollment.NewMemory() })
}
