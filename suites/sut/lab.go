package sut

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

// check returns the field that is wrong of a control port; there may be none.
func (c *Control) check() (string, error) {
	if c == nil {
		return "", nil
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		return "url", fmt.Errorf("%q is not an https URL", c.URL)
	}
	if c.Token == "" {
		return "token", errors.New("is missing")
	}
	return "", nil
}

// checkLab returns the field that is wrong among those that only a lab's hub has.
func (h Hub) checkLab(t Target) (string, error) {
	if h.Inside != "" {
		if host, port, err := net.SplitHostPort(h.Inside); err != nil || host == "" || port == "" {
			return "inside", fmt.Errorf("is %q, which is not host:port", h.Inside)
		}
	}
	if h.Control != nil && t.Control == nil {
		return "control", errors.New("has no control of the service beside it")
	}
	field, err := h.Control.check()
	return "control." + field, err
}

// checkContainers returns the field that is wrong of a lab of containers.
func (t Target) checkContainers() (string, error) {
	c := t.Containers
	if c == nil {
		return "", nil
	}
	for _, f := range []struct{ name, value string }{
		{"run", c.Run}, {"network", c.Network}, {"image", c.Image}, {"state", c.State},
	} {
		if f.value == "" {
			return "containers." + f.name, errors.New("is missing")
		}
	}
	if t.Control == nil {
		return "containers", errors.New("have no control port: nothing can be made in them")
	}
	return "", nil
}
