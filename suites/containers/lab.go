package containers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	tcnetwork "github.com/testcontainers/testcontainers-go/network"

	"github.com/dpslab/dpslab/suites/sut"
)

// ImageVariable names an image to run instead of one that is built.
const ImageVariable = "DPSLAB_IMAGE"

// Options say what a lab of containers is made of.
type Options struct {
	Dpslab string // a dpslab that runs on this machine
	Binary string // a static Linux dpslab, for the image; default: Dpslab
	Image  string // a loaded image that begins with dpslab, instead of one with Binary; default: DPSLAB_IMAGE
}

// closeTimeout bounds cleaning up after a start that failed.
const closeTimeout = time.Minute

// Lab is a running lab of containers.
type Lab struct {
	engine *engine
	run    string
	reaper *reaper
	target sut.Target
}

// Start starts a lab. When it returns without an error, everything answers. An error that
// wraps ErrNoEngine means that this machine has none.
func Start(ctx context.Context, o Options) (*Lab, error) {
	o = o.withDefaults()
	if o.Image == "" {
		if err := CheckBinary(o.Binary); err != nil {
			return nil, err
		}
	}
	e, err := openEngine(ctx)
	if err != nil {
		return nil, err
	}
	if o.Image != "" {
		if err := e.loaded(ctx, o.Image); err != nil {
			return nil, err
		}
	}
	if err := e.sweep(ctx); err != nil {
		return nil, fmt.Errorf("remove what earlier runs left behind: %w", err)
	}
	run := strings.ToLower(rand.Text()[:12])
	l := &Lab{engine: e, run: run}
	if l.reaper, err = startReaper(o.Dpslab, run); err != nil {
		return nil, err
	}
	if err := l.fill(ctx, o); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return nil, errors.Join(err, l.Close(stopping))
	}
	return l, nil
}

func (o Options) withDefaults() Options {
	if o.Binary == "" {
		o.Binary = o.Dpslab
	}
	if o.Image == "" {
		o.Image = os.Getenv(ImageVariable)
	}
	return o
}

// fill makes state, image and network side by side, and then the containers.
func (l *Lab) fill(ctx context.Context, o Options) error {
	folder := folderOf(l.run)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	owner, err := thisProcess()
	if err != nil {
		return fmt.Errorf("name this process: %w", err)
	}
	in := &lab{engine: l.engine, owner: owner, token: sut.Secret(rand.Text() + rand.Text())}
	in.made = sut.Containers{Run: l.run, Image: o.Image, State: filepath.Join(folder, "state")}
	var all sync.WaitGroup
	var errs [3]error
	all.Go(func() { errs[0] = makeState(ctx, o.Dpslab, in.made.State) })
	all.Go(func() {
		if o.Image == "" {
			in.made.Image, errs[1] = l.engine.build(ctx, o.Binary, "dpslab-run", l.run, in.labels())
		}
	})
	all.Go(func() { in.made.Network, errs[2] = newNetwork(ctx, in.labels()) })
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	l.target, err = in.startAll(ctx)
	if err != nil {
		return err
	}
	text, err := sut.Marshal(l.target)
	if err != nil {
		return err
	}
	return os.WriteFile(l.File(), text, 0o600)
}

func newNetwork(ctx context.Context, labels map[string]string) (name string, err error) {
	n, err := tcnetwork.New(ctx, tcnetwork.WithLabels(labels))
	switch {
	case err != nil && strings.Contains(err.Error(), "reaper"):
		return "", fmt.Errorf("make the lab's network: %s; set TESTCONTAINERS_RYUK_DISABLED=true where that image cannot be pulled", oneLine(err))
	case err != nil:
		return "", fmt.Errorf("make the lab's network: %s", oneLine(err))
	}
	return n.Name, nil
}

// startAll starts the reference and its hubs side by side.
func (l *lab) startAll(ctx context.Context) (sut.Target, error) {
	t, err := described(l.made.State)
	if err != nil {
		return t, err
	}
	if l.roots, err = t.Roots(); err != nil {
		return t, err
	}
	l.hubs, t.Hubs = t.Hubs, slices.Clone(t.Hubs[:linkedHubs])
	serve := []string{"reference", "serve"}
	for n := range linkedHubs {
		serve = append(serve, "--link-hub", strconv.Itoa(n+1))
	}
	var all sync.WaitGroup
	errs := make([]error, 1+linkedHubs)
	all.Go(func() {
		u, err := l.start(ctx, l.name("reference"), []string{t.DPS.Host, t.DPS.ServiceHost}, serve...)
		if errs[0] = err; err == nil {
			t.DPS.Address, t.DPS.Ports, t.Control = l.engine.address.String(), u.ports, &u.control
		}
	})
	for n := range linkedHubs {
		all.Go(func() {
			u, err := l.startHub(ctx, n+1)
			if errs[n+1] = err; err == nil {
				t.Hubs[n] = u.hub(t.Hubs[n])
			}
		})
	}
	all.Wait()
	t.Containers, t.File = &l.made, ""
	return t, errors.Join(errs...)
}

// startHub starts the hub of that number, counted from 1.
func (l *lab) startHub(ctx context.Context, n int) (*unit, error) {
	return l.start(ctx, l.name("hub-"+strconv.Itoa(n)), []string{l.hubs[n-1].Host}, "hub", "serve", "--hub", strconv.Itoa(n))
}

// name is that of a container. The engine gives it once.
func (l *lab) name(role string) string { return "dpslab-" + l.made.Run + "-" + role }

// Target is the lab as a target file tells it.
func (l *Lab) Target() sut.Target { return l.target }

// File is that target file. It is gone when the lab is closed.
func (l *Lab) File() string { return filepath.Join(folderOf(l.run), "target.yaml") }

// Close removes everything that the lab consists of.
func (l *Lab) Close(ctx context.Context) error {
	err := l.engine.removeAll(ctx, l.run)
	return errors.Join(err, l.reaper.dismiss(err == nil))
}
