package lab

import (
	"context"
	"log/slog"

	"github.com/dpslab/dpslab/internal/transcript"
)

// RedactingHandler keeps secrets out of a log, whoever writes to it: text that looks like
// a token or a connection string is redacted in messages and attributes.
func RedactingHandler(to slog.Handler) slog.Handler { return redacting{to} }

type redacting struct{ slog.Handler }

func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, transcript.RedactText(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redact(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, redact(a))
	}
	return redacting{h.Handler.WithAttrs(clean)}
}

func (h redacting) WithGroup(name string) slog.Handler { return redacting{h.Handler.WithGroup(name)} }

func redact(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString, slog.KindAny:
		return slog.String(a.Key, transcript.RedactText(v.String()))
	case slog.KindGroup:
		var clean []any
		for _, one := range v.Group() {
			clean = append(clean, redact(one))
		}
		return slog.Group(a.Key, clean...)
	}
	return a
}
