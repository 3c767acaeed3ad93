//go:build unix

package durable

import (
	"errors"
	"os"
)

// SyncFolder puts the names in a folder on the disk: a file that is there itself cannot be
// found after a power failure without its name.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
