package dpslabtest_test

import (
	"fmt"
	"log"
	"os/exec"
	"testing"
	"time"

	"github.com/dpslab/dpslab/dpslabtest"
)

// A test of a device that is configured by its environment.
func ExampleStart() {
	_ = func(t *testing.T) {
		lab := dpslabtest.Start(t, dpslabtest.RetryAfter(2*time.Second))
		device := exec.CommandContext(t.Context(), "./mydevice", "--key", lab.Enroll("dev-01"))
		for name, value := range lab.Env() {
			device.Env = append(device.Env, name+"="+value)
		}
		if out, err := device.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// One lab for all tests of a package.
func ExampleNew() {
	lab, err := dpslabtest.New(dpslabtest.Hubs(2))
	if err != nil {
		log.Fatal(err)
	}
	defer lab.Close()
	fmt.Println(lab.DeviceHost, "assigns to", len(lab.Hubs), "hubs")
	// Output: global.azure-devices-provisioning.net assigns to 2 hubs
}
