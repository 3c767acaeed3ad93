package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	nodeFolder = "node"
	lockFile   = "package-lock.json"
	oldestNode = 20
	orSkip     = "or set " + modeVariable + "=skip"
)

// prepareNode sees to it that the programs in node/ can run: there is Node, and the
// packages are those of the lock file.
func prepareNode() error {
	said, err := exec.Command("node", "--version").Output()
	if err != nil {
		return fmt.Errorf("node does not run (%w); install Node.js %d or later with npm, %s", err, oldestNode, orSkip)
	}
	version := strings.TrimSpace(string(said))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return fmt.Errorf("node is %s; install Node.js %d or later, %s", version, oldestNode, orSkip)
	}
	if current, err := installed(); current || err != nil {
		return err
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = nodeFolder
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in suites/interop/%s: %w; it needs npm and, once, the npm registry: run it there by hand, %s\n%s",
			nodeFolder, err, orSkip, out)
	}
	return nil
}

// installed reports whether the packages are there and not older than the lock file. npm
// writes a lock file of its own into node_modules when it is done.
func installed() (bool, error) {
	wanted, err := os.Stat(filepath.Join(nodeFolder, lockFile))
	if err != nil {
		return false, err
	}
	done, err := os.Stat(filepath.Join(nodeFolder, "node_modules", ".package-lock.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && !done.ModTime().Before(wanted.ModTime()), err
}

// preparePython sees to it that the programs in python/ can run: .venv is there, of the
// requirements as they are now.
func preparePython() error {
	var wanted []byte
	for _, list := range requirementLists {
		text, err := os.ReadFile(filepath.Join(python.folder, list))
		if err != nil {
			return err
		}
		wanted = append(wanted, text...)
	}
	// internal/make/python.sh writes this file when it is done.
	made, err := os.ReadFile(filepath.Join(python.folder, ".venv", "made-from"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("suites/interop/%s has no .venv with the SDKs; run make interop-deps, %s", python.folder, orSkip)
	case err != nil:
		return err
	case !bytes.Equal(made, wanted):
		return fmt.Errorf("suites/interop/%s/.venv is not of the requirements there; run make interop-deps, %s", python.folder, orSkip)
	}
	return nil
}

// systemPython has Debian's packages, of which qpid-proton is one.
const systemPython = "/usr/bin/python3"

// prepareProton sees to it that the program in proton/ can run.
func prepareProton() error {
	if out, err := exec.Command(systemPython, "-E", "-c", "import proton").CombinedOutput(); err != nil {
		return fmt.Errorf("%s has no qpid-proton (%w); run make interop-deps (on Debian: apt-get install python3-qpid-proton), %s\n%s",
			systemPython, err, orSkip, out)
	}
	return nil
}

// dpslab returns the path of the binary to start the lab with.
func dpslab(folder string) (string, error) {
	if named := os.Getenv(binaryVariable); named != "" {
		path, err := filepath.Abs(named)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", binaryVariable, err)
		}
		return path, nil
	}
	path := filepath.Join(folder, "dpslab")
	build := exec.Command("go", "build", "-o", path, "github.com/dpslab/dpslab/cmd/dpslab")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dpslab, or name one in %s: %w\n%s", binaryVariable, err, out)
	}
	return path, nil
}
