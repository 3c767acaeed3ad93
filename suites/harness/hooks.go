package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/suites/sut"
)

// Hooks do at a target what a service API would. A record goes in and out as a PUT carries
// and answers it, with its kind. ErrNotHere says that this kind of record cannot be made at
// the target; any other error is one of the run.
type Hooks interface {
	CreateEnrollment(ctx context.Context, kind Kind, record Members) (Members, error)
	// Delete removes what a hook made: an enrollment, a group, an identity at a hub. What is
	// gone already is no error.
	Delete(ctx context.Context, kind Kind, record Members) error
	CreateHubIdentity(ctx context.Context, hub string, record Members) (Members, error)
}

// ErrNotHere is what a hook returns for a kind of record that its target does not have.
var ErrNotHere = errors.New("it cannot be made at this target")

// notHereCode is the exit code of a command that means ErrNotHere.
const notHereCode = 3

// commands are hooks of a target file. Each is run once for every record: it reads one
// JSON object and writes one.
type commands struct {
	hooks  sut.Hooks
	folder string
	limit  time.Duration
}

const (
	hookOutput = 1 << 20 // what a command may write
	hookErrors = 2 << 10 // what is quoted of what it complains
	hookGrace  = time.Second
)

func newCommands(t sut.Target, limit time.Duration) Hooks {
	if len(t.Hooks.CreateEnrollment)+len(t.Hooks.CreateHubIdentity) == 0 {
		return nil
	}
	return commands{hooks: t.Hooks, folder: filepath.Dir(t.File), limit: limit}
}

func (c commands) CreateEnrollment(ctx context.Context, kind Kind, record Members) (Members, error) {
	return c.run(ctx, "create_enrollment", c.hooks.CreateEnrollment, Members{"kind": kind}, record)
}

func (c commands) CreateHubIdentity(ctx context.Context, hub string, record Members) (Members, error) {
	return c.run(ctx, "create_hub_identity", c.hooks.CreateHubIdentity, Members{"kind": HubIdentity, "hub": hub}, record)
}

func (c commands) Delete(ctx context.Context, kind Kind, record Members) error {
	_, err := c.run(ctx, "delete_enrollment", c.hooks.DeleteEnrollment, Members{"kind": kind}, record)
	return err
}

// run runs one command. What it writes is a record, or nothing.
func (c commands) run(ctx context.Context, name string, command []string, envelope, record Members) (Members, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("hooks.%s: %w: the target file has no such hook", name, ErrNotHere)
	}
	maps.Copy(envelope, record)
	input, err := json.Marshal(envelope)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadline(ctx, clock.SocketDeadline(c.limit))
	defer cancel()
	stdout, stderr := &limited{room: hookOutput}, &limited{room: hookErrors}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.folder, bytes.NewReader(append(input, '\n')), stdout, stderr
	cmd.WaitDelay = hookGrace // a grandchild may hold the pipes open
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("hooks.%s did not end within %v", name, c.limit)
	case errors.As(err, &exit) && exit.ExitCode() == notHereCode:
		return nil, fmt.Errorf("hooks.%s: %w%s", name, ErrNotHere, complaint(stderr, input))
	case err != nil:
		return nil, fmt.Errorf("hooks.%s: %w%s", name, err, complaint(stderr, input))
	case stdout.cut:
		return nil, fmt.Errorf("hooks.%s wrote more than %d bytes", name, hookOutput)
	case len(bytes.TrimSpace(stdout.text.Bytes())) == 0:
		return nil, nil
	}
	var answer Members
	if err := json.Unmarshal(stdout.text.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("hooks.%s wrote no JSON object: %w", name, err)
	}
	return answer, nil
}

// complaint is what a command wrote to standard error, without what it was given to keep.
func complaint(stderr *limited, input []byte) string {
	text := strings.Join(strings.Fields(stderr.text.String()), " ")
	for _, secret := range secretsIn(input) {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if text == "" {
		return ""
	}
	return ": " + transcript.RedactText(string(transcript.RedactJSON([]byte(text))))
}

// secretsIn are the keys of a record that a command was given.
func secretsIn(input []byte) []string {
	var list []string
	var walk func(v any)
	walk = func(v any) {
		m, _ := v.(map[string]any)
		for name, member := range m {
			if text, ok := member.(string); ok && strings.HasSuffix(strings.ToLower(name), "key") && text != "" {
				list = append(list, text)
			}
			walk(member)
		}
	}
	var record any
	if json.Unmarshal(input, &record) == nil {
		walk(record)
	}
	return list
}

// limited keeps the first bytes of what is written.
type limited struct {
	text bytes.Buffer
	room int
	cut  bool
}

var _ io.Writer = (*limited)(nil)

func (l *limited) Write(b []byte) (int, error) {
	keep := min(len(b), l.room-l.text.Len())
	l.text.Write(b[:keep])
	l.cut = l.cut || keep < len(b)
	return len(b), nil
}

// byHooks enrolls by hooks.
type byHooks struct{ hooks Hooks }

func (e byHooks) enroll(ctx context.Context, t *T, s *Service, w wanted) enrolled {
	var made Members
	asked := w.full[w.kind.IDMember()].(string)
	t.Given("a hook enrolls "+asked, func() {
		var err error
		made, err = e.hooks.CreateEnrollment(ctx, w.kind, w.full)
		if errors.Is(err, ErrNotHere) {
			t.Skip(err.Error())
		}
		t.Must(err, "enroll "+asked)
		made = completed(w.full, made)
		id := made[w.kind.IDMember()]
		t.Cleanup(func(ctx context.Context) {
			t.Must(e.hooks.Delete(ctx, w.kind, Members{w.kind.IDMember(): id}), fmt.Sprint("remove ", id))
		})
		if w.auth == "x509" && w.kind == Individual && !strings.EqualFold(fmt.Sprint(id), asked) {
			t.Must(fmt.Errorf("the hook enrolled %v, and the certificate names %s", id, asked), "enroll a device by certificate")
		}
	})
	primary, secondary := keysOf(made)
	return enrolled{record: made, primary: primary, secondary: secondary}
}

// completed is what a hook answered, with the members that it left out as they were asked
// for.
func completed(asked, answered Members) Members {
	record := maps.Clone(asked)
	maps.Copy(record, answered)
	delete(record, "kind")
	return record
}
