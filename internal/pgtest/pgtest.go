//go:build unix

// Package pgtest runs PostgreSQL for tests: a server of their own, with its data and its
// socket in a folder that goes with the test, and no port.
package pgtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dpslab/dpslab/internal/clock"
)

const (
	missing = "NOT RUN: PostgreSQL is missing; run internal/make/setup.sh postgres (on Debian: apt-get install postgresql)"
	look    = 20 * time.Millisecond // between tries to reach it
	owner   = "dpslab"              // the only role
)

// Server is a PostgreSQL that lives as long as its test.
type Server struct {
	folder    string
	databases atomic.Int64
}

// Start runs a new server until the test ends. Where PostgreSQL is not installed the test
// is skipped, or fails with DPSLAB_INTEROP=required.
func Start(t testing.TB) *Server {
	t.Helper()
	initdb, postgres := program("initdb"), program("postgres")
	if initdb == "" || postgres == "" {
		if os.Getenv("DPSLAB_INTEROP") == "required" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	// Not t.TempDir: its parent is closed to the user that the server runs as.
	folder, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	as := unprivileged(t, folder)
	data := filepath.Join(folder, "data")
	made := exec.CommandContext(t.Context(), initdb, "--pgdata", data, "--username", owner, "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C")
	made.Dir, made.SysProcAttr = folder, as
	if said, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, said)
	}
	cmd := exec.Command(postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off")
	cmd.Dir, cmd.SysProcAttr = folder, as
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGQUIT); cmd.Wait() })
	s := &Server{folder: folder}
	for {
		if c, err := pgx.Connect(t.Context(), s.url("postgres")); err == nil {
			c.Close(t.Context())
			return s
		}
		if err := clock.Wait(t.Context(), clock.System(), look); err != nil {
			t.Fatal(err)
		}
	}
}

// Database makes an empty database and returns its connection URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), s.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	name := fmt.Sprint("test", s.databases.Add(1))
	if _, err := c.Exec(t.Context(), "create database "+name); err != nil {
		t.Fatal(err)
	}
	return s.url(name)
}

func (s *Server) url(database string) string {
	return "postgres:///" + database + "?host=" + s.folder + "&user=" + owner
}

// program finds one in the path, or where Debian puts those of PostgreSQL.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := fs.Glob(os.DirFS("/"), "usr/lib/postgresql/*/bin/"+name)
	if err != nil || len(found) == 0 {
		return ""
	}
	return "/" + found[len(found)-1]
}

// unprivileged gives the folder to nobody when root runs the test: PostgreSQL refuses root.
func unprivileged(t testing.TB, folder string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, noUID := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, noGID := strconv.ParseUint(nobody.Gid, 10, 32)
	if noUID != nil || noGID != nil {
		t.Fatal(noUID, noGID)
	}
	if err := os.Chown(folder, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
