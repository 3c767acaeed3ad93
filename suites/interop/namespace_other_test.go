//go:build !linux

package interop_test

import (
	"errors"
	"os/exec"
)

// noNamespaces says why there is no lab on this system.
const noNamespaces = "official SDKs dial ports 443, 8883 and 5671 at names that they resolve themselves; giving them a lab needs the namespaces of Linux"

func runInNamespaces(string, []string, []string) (int, error) { return 0, errors.ErrUnsupported }

func becomeLab() error { return errors.ErrUnsupported }

func mapNames([]string) error { return errors.ErrUnsupported }

func dieWithTest(*exec.Cmd) {}
