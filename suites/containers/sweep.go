package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// remove removes what carries the run's label, once. It returns how much it found; what is
// gone meanwhile, or being removed by somebody else, is no error.
func (e *engine) remove(ctx context.Context, run string) (found int, err error) {
	label := anyLabel(labelRun + "=" + run)
	containers, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: label})
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(containers.Items))
	var all sync.WaitGroup
	for i, c := range containers.Items {
		all.Go(func() {
			_, errs[i] = e.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		})
	}
	all.Wait()
	networks, err := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: label})
	errs = append(errs, err)
	for _, n := range networks.Items {
		_, err := e.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		errs = append(errs, err)
	}
	images, err := e.api.ImageList(ctx, client.ImageListOptions{All: true, Filters: label})
	errs = append(errs, err)
	for _, i := range images.Items {
		_, err := e.api.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		errs = append(errs, err)
	}
	for i, err := range errs {
		if errdefs.IsNotFound(err) || errdefs.IsConflict(err) || err != nil && strings.Contains(err.Error(), "in progress") {
			errs[i] = nil
		}
	}
	return len(containers.Items) + len(networks.Items) + len(images.Items), errors.Join(errs...)
}

// passes bounds the attempts to remove everything: an image goes after its containers, and
// a parent after its children.
const passes = 10

// removeAll removes what carries the run's label until nothing does, and the run's folder.
func (e *engine) removeAll(ctx context.Context, run string) error {
	err := os.RemoveAll(folderOf(run))
	for range passes {
		found, failed := e.remove(ctx, run)
		if found == 0 && failed == nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = errors.Join(err, failed)
	}
	return errors.Join(fmt.Errorf("not all of the containers, networks and images with the label %s=%s could be removed", labelRun, run), err)
}

// sweep removes what runs left behind whose process on this machine is dead: where the
// machine or the engine failed, nobody else could.
func (e *engine) sweep(ctx context.Context) error {
	owned := anyLabel(labelOwner)
	owners := map[string]string{} // of runs
	note := func(labels map[string]string) { owners[labels[labelRun]] = labels[labelOwner] }
	containers, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: owned})
	if err != nil {
		return err
	}
	for _, c := range containers.Items {
		note(c.Labels)
	}
	networks, err := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: owned})
	if err != nil {
		return err
	}
	for _, n := range networks.Items {
		note(n.Labels)
	}
	images, err := e.api.ImageList(ctx, client.ImageListOptions{All: true, Filters: owned})
	if err != nil {
		return err
	}
	for _, i := range images.Items {
		note(i.Labels)
	}
	var errs []error
	for run, owner := range owners {
		if run != "" && dead(owner) {
			errs = append(errs, e.removeAll(ctx, run))
		}
	}
	return errors.Join(errs...)
}

// folderOf is the folder on this machine that belongs to a run.
func folderOf(run string) string { return filepath.Join(os.TempDir(), "dpslab-containers-"+run) }
