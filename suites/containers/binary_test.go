package containers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/suites/containers"
)

func TestBinariesThatCannotBeAllOfAnImage(t *testing.T) {
	script := filepath.Join(t.TempDir(), "dpslab")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wrong := map[string]string{"a script": script, "no file": script + ".missing"}
	if shell, err := exec.LookPath("sh"); err == nil && runtime.GOOS == "linux" {
		wrong["one that needs libraries"] = shell
	}
	for rule, file := range wrong {
		err := containers.CheckBinary(file)
		if err == nil || !strings.Contains(err.Error(), "DPSLAB_IMAGE") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", rule, err)
		}
		if _, err := containers.Start(t.Context(), containers.Options{Dpslab: file}); err == nil {
			t.Errorf("%s: a lab was started", rule)
		}
	}
}
