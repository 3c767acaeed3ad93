package tpm

import (
	"errors"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/windowstpm"
)

func open(path string) (transport.TPMCloser, error) {
	if path != "" {
		return nil, errors.New("windows has one tpm and no path to it")
	}
	return windowstpm.Open()
}
