package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
)

const (
	reapTimeout = 2 * time.Minute
	reapPause   = time.Second
	reapQuiet   = 3 // so often in a row nothing may be found: a request of the dead may still be at work
)

// allGone is what a parent says that has cleaned up itself.
const allGone = "all gone"

var runForm = regexp.MustCompile(`^[a-z0-9]{8,32}$`)

// Reap is the life of the child that cleans up: it waits until the other end of the pipe is
// closed, and removes everything of the run unless it was told that nothing is left.
func Reap(ctx context.Context, pipe io.Reader, run string) error {
	if !runForm.MatchString(run) {
		return fmt.Errorf("%q is no run", run)
	}
	said, err := io.ReadAll(io.LimitReader(pipe, 64))
	if err != nil {
		return err
	}
	if string(said) == allGone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reapTimeout)
	defer cancel()
	e, err := openEngine(ctx)
	if err != nil {
		return err
	}
	for quiet := 0; quiet < reapQuiet; quiet++ {
		found, err := e.remove(ctx, run)
		if found > 0 || err != nil {
			quiet = -1
		}
		if err := clock.Wait(ctx, clock.System(), reapPause); err != nil {
			return err
		}
	}
	return e.removeAll(ctx, run)
}

// reaper is that child, seen from here.
type reaper struct {
	child *exec.Cmd
	pipe  io.WriteCloser
}

// startReaper starts it before there is anything to clean up.
func startReaper(dpslab, run string) (*reaper, error) {
	child := exec.Command(dpslab, "reap", run)
	child.SysProcAttr = apart // a Ctrl-C is for us
	pipe, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start the process that cleans up: %w", err)
	}
	return &reaper{child, pipe}, nil
}

// dismiss ends it: there is nothing left to do, or, when not all could be removed, that.
func (r *reaper) dismiss(clean bool) error {
	var err error
	if clean {
		_, err = io.WriteString(r.pipe, allGone)
	}
	err = errors.Join(err, r.pipe.Close())
	if failed := r.child.Wait(); failed != nil {
		err = errors.Join(err, fmt.Errorf("the process that cleans up: %w", failed))
	}
	return err
}
