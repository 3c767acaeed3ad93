package lab_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/lab"
)

const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="

// late is a value that tells itself when it is logged.
type late struct{ text string }

func (l late) LogValue() slog.Value { return slog.StringValue(l.text) }

func TestTheLogShowsNoSecretWhereverItIs(t *testing.T) {
	const connection = "HostName=h;SharedAccessKeyName=owner;SharedAccessKey=" + secret
	const token = "SharedAccessSignature sr=a&sig=" + secret + "&se=1"
	for name, write := range map[string]func(l *slog.Logger){
		"a message":         func(l *slog.Logger) { l.Info("cannot use " + connection) },
		"a text":            func(l *slog.Logger) { l.Info("m", "header", token) },
		"an error":          func(l *slog.Logger) { l.Error("m", "error", errors.New("refused "+token)) },
		"a value":           func(l *slog.Logger) { l.Info("m", "value", struct{ Header string }{token}) },
		"a value told late": func(l *slog.Logger) { l.Info("m", "value", late{token}) },
		"a group": func(l *slog.Logger) {
			l.Info("m", slog.Group("request", "header", token, slog.Group("deep", "cs", connection)))
		},
		"with":               func(l *slog.Logger) { l.With("header", token).Info("m") },
		"with a group":       func(l *slog.Logger) { l.WithGroup("request").With("header", token).Info("m", "cs", connection) },
		"bytes":              func(l *slog.Logger) { l.Info("m", "body", []byte(connection)) },
		"a pointer":          func(l *slog.Logger) { text := token; l.Info("m", "p", &late{text}) },
		"a stringer's error": func(l *slog.Logger) { l.Info("m", "e", errors.Join(errors.New(token), errors.New(connection))) },
	} {
		var out bytes.Buffer
		write(slog.New(lab.RedactingHandler(slog.NewTextHandler(&out, nil))))
		if strings.Contains(out.String(), secret) || strings.Contains(out.String(), strings.TrimRight(secret, "=")) {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

func TestTheLogKeepsTheRest(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(lab.RedactingHandler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.With("a", 1).WithGroup("g").Info("it happened", "b", true, "c", "text")
	log.Debug("not this")
	if got := out.String(); !strings.Contains(got, `msg="it happened" a=1 g.b=true g.c=text`) || strings.Contains(got, "not this") {
		t.Errorf("%s", got)
	}
}
