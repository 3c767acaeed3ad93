package registration_test

import (
	"testing"

	"github.com/dpslab/dpslab/reference/registration"
	"github.com/dpslab/dpslab/reference/registration/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Test(t, func(*testing.T) registration.Store { return registration.NewMemory() })
}
