package interop_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLockFile holds the packages to what was witnessed: exact versions, pinned by their
// digests, from the public registry or whatever mirror the machine's npm is set up with.
func TestLockFile(t *testing.T) {
	var wanted struct{ Dependencies map[string]string }
	read(t, "package.json", &wanted)
	if len(wanted.Dependencies) == 0 {
		t.Error("package.json wants no packages")
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for name, version := range wanted.Dependencies {
		if !exact.MatchString(version) {
			t.Errorf("package.json wants %s %s, which is no exact version", name, version)
		}
	}

	var lock struct {
		Packages map[string]struct{ Resolved, Integrity string }
	}
	read(t, lockFile, &lock)
	for name, p := range lock.Packages {
		if p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://registry.npmjs.org/") {
			t.Errorf("%s comes from an address that others may not reach", name)
		}
		if name != "" && !strings.HasPrefix(p.Integrity, "sha512-") {
			t.Errorf("%s has no sha512 digest", name)
		}
	}
	for name := range wanted.Dependencies {
		if _, locked := lock.Packages["node_modules/"+name]; !locked {
			t.Errorf("%s does not have %s; run npm install", lockFile, name)
		}
	}
}

// TestOneCopy holds the packages of AMQP to one copy of azure-iot-common: they know their own
// errors by its classes, and with a copy each take no throttling for what it is. They ask for
// another version of it than the packages of the hub do, so package.json overrides that.
func TestOneCopy(t *testing.T) {
	var lock struct{ Packages map[string]any }
	read(t, lockFile, &lock)
	for _, user := range []string{"azure-iot-amqp-base", "azure-iot-provisioning-device-amqp"} {
		user = "node_modules/" + user
		if _, locked := lock.Packages[user]; !locked {
			t.Errorf("%s does not have %s", lockFile, user)
		}
		if _, own := lock.Packages[user+"/node_modules/azure-iot-common"]; own {
			t.Errorf("%s has a copy of azure-iot-common of its own", user)
		}
	}
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(nodeFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
