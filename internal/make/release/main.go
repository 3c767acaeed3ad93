// Command release makes a release of dpslab in a folder, from the module it stands in:
//
//	dpslab-VERSION-OS-ARCH.tar.gz          the binary (.zip for Windows), for each platform
//	dpslab-VERSION-OS-ARCH.cdx.json        the modules in that binary, as CycloneDX
//	dpslab-VERSION-image-linux-ARCH.tar    the container image, for docker load
//	SHA256SUMS                             of all of these
//
// The same commit gives the same bytes: paths are trimmed, the build knows its version and
// commit from here and not from the checkout, and every time in the files is the commit's.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/make/dist"
)

// platforms are what a release is for.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// release is one release in the making.
type release struct {
	version, commit string
	at              time.Time
	out             string
	say             io.Writer
}

func main() {
	r := &release{say: os.Stdout}
	flag.StringVar(&r.version, "version", "", "version (default: what git describe says)")
	flag.StringVar(&r.out, "out", "dist", "folder to write to; an older release there is replaced")
	only := flag.String("platforms", strings.Join(platforms, ","), "GOOS/GOARCH, separated by commas")
	flag.Parse()
	err := r.identify(os.Getenv)
	if err == nil {
		err = r.make(strings.Split(*only, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// make makes the release, whose version, commit and time are known.
func (r *release) make(platforms []string) error {
	if err := r.empty(); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "dpslab-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, p := range platforms {
		goos, goarch, ok := strings.Cut(p, "/")
		if !ok {
			return fmt.Errorf("%q is no platform such as linux/amd64", p)
		}
		if err := r.platform(goos, goarch, work); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	sums, err := dist.Sums(r.out)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, dist.SumsName), []byte(sums), 0o644); err != nil {
		return err
	}
	_, err = io.WriteString(r.say, sums)
	return err
}

// versionShape is what names files and a container image.
var versionShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$`)

// identify asks git for what is not given. SOURCE_DATE_EPOCH goes before the commit's time.
func (r *release) identify(getenv func(string) string) error {
	described, err := git("describe", "--tags", "--always", "--dirty")
	if err != nil {
		return err
	}
	if r.version = cmp.Or(r.version, described); !versionShape.MatchString(r.version) {
		return fmt.Errorf("version %q cannot name files and images; take letters, digits, dots and dashes", r.version)
	}
	if r.commit, err = git("rev-parse", "HEAD"); err != nil {
		return err
	}
	if strings.HasSuffix(described, "-dirty") {
		r.commit += "-dirty"
	}
	seconds := getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		if seconds, err = git("log", "-1", "--format=%ct"); err != nil {
			return err
		}
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH %q is not a number of seconds", seconds)
	}
	r.at = time.Unix(n, 0).UTC()
	return nil
}

// empty makes the folder, or removes an older release from it.
func (r *release) empty() error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(r.out, "dpslab-*"))
	if err != nil {
		return err
	}
	for _, file := range append(old, filepath.Join(r.out, dist.SumsName)) {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w; a release is made from a checkout", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
