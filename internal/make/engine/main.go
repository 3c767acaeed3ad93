// Command engine prints the DOCKER_HOST of the container engine that answers here, and
// ends with code 1 where none does. It looks where Docker and Podman listen, in the order
// in which their own clients do, and nowhere else when DOCKER_HOST is set.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// answerTime is how long an engine may take to say that it is there.
const answerTime = 3 * time.Second

func main() {
	for _, host := range candidates(os.Getenv) {
		if err := ping(host); err == nil {
			fmt.Println(host)
			return
		} else if os.Getenv("DOCKER_HOST") != "" {
			fmt.Fprintf(os.Stderr, "the engine of DOCKER_HOST does not answer: %v\n", err)
		}
	}
	os.Exit(1)
}

func candidates(getenv func(string) string) []string {
	if host := getenv("DOCKER_HOST"); host != "" {
		return []string{host}
	}
	sockets := []string{"/var/run/docker.sock"}
	if home := getenv("HOME"); home != "" {
		sockets = append(sockets, filepath.Join(home, ".docker/run/docker.sock"))
	}
	if runtime := getenv("XDG_RUNTIME_DIR"); runtime != "" {
		sockets = append(sockets, filepath.Join(runtime, "docker.sock"), filepath.Join(runtime, "podman/podman.sock"))
	}
	sockets = append(sockets, "/run/podman/podman.sock")
	hosts := make([]string, len(sockets))
	for i, path := range sockets {
		hosts[i] = "unix://" + path
	}
	return hosts
}

// ping asks an engine for its health, over its socket or over plain TCP. What it asks a
// TLS engine or one behind ssh is left to the tests themselves: those hosts count as there.
func ping(host string) error {
	at, err := url.Parse(host)
	if err != nil {
		return err
	}
	network, address := "tcp", at.Host
	switch {
	case at.Scheme == "unix":
		network, address = "unix", at.Path
	case at.Scheme != "tcp" || os.Getenv("DOCKER_TLS_VERIFY") != "":
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}
