package serviceapi_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/reference/registration"
	"github.com/dpslab/dpslab/reference/serviceapi"
)

// once lets f act at the first subject that passes the point.
func once[T any](l *lab, p *point.Point[T], f func(context.Context, *T) error) {
	l.t.Helper()
	var first sync.Once
	plan := p.Plan(func(c point.Call, subject *T) {
		first.Do(func() {
			if err := f(c, subject); err != nil {
				l.t.Error(err)
			}
		})
	})
	if _, err := l.points.Arm(point.Entry{ID: "test", Build: point.Always(plan)}, point.Address{}, nil); err != nil {
		l.t.Fatal(err)
	}
}

// A record may change between its reading and its writing. Then the condition is held
// against what it has become.
func TestAPutOverWhatChangesMeanwhile(t *testing.T) {
	replaced := func(l *lab) func(context.Context, *enrollment.Enrollment) error {
		return func(ctx context.Context, e *enrollment.Enrollment) error {
			now, err := l.enrollments.Get(ctx, e.Kind, e.ID)
			if err != nil {
				return err
			}
			other := now
			other.ETag, other.DeviceID = "other", "other"
			return l.enrollments.Replace(ctx, other, now.ETag)
		}
	}
	deleted := func(l *lab) func(context.Context, *enrollment.Enrollment) error {
		return func(ctx context.Context, e *enrollment.Enrollment) error {
			return l.enrollments.Delete(ctx, e.Kind, e.ID, "")
		}
	}
	created := func(l *lab) func(context.Context, *enrollment.Enrollment) error {
		return func(ctx context.Context, e *enrollment.Enrollment) error {
			other := *e
			other.ETag, other.DeviceID = "other", "other"
			return l.enrollments.Create(ctx, other)
		}
	}
	for _, c := range []struct {
		rule      string
		exists    bool
		match     string // "etag": that of the record
		meanwhile func(*lab) func(context.Context, *enrollment.Enrollment) error
		code      int
	}{
		{"replaced: its etag comes too late", true, "etag", replaced, 412201},
		{"replaced: any goes on", true, "*", replaced, 0},
		{"deleted: its etag comes too late", true, "etag", deleted, 412201},
		{"deleted: any is none", true, "*", deleted, 412201},
		{"created: it exists now", false, "", created, 409201},
	} {
		t.Run(c.rule, func(t *testing.T) {
			l, match := open(t), c.match
			if c.exists {
				etag := l.must(200, "PUT", dev01, body)["etag"].(string)
				match = strings.Replace(match, "etag", etag, 1)
			}
			once(l, serviceapi.Storing, c.meanwhile(l))
			a := l.do("PUT", dev01, body, "If-Match", match)
			if c.code != 0 {
				a.refused(t, "PUT", c.code)
				return
			}
			if now := l.must(200, "GET", dev01, ""); a.status != 200 || now["deviceId"] != nil {
				t.Errorf("%d %s; it is now %v", a.status, a.body, now)
			}
		})
	}
}

func TestADeleteOfWhatChangesMeanwhile(t *testing.T) {
	for what, c := range map[string]struct {
		path   string
		make   func(l *lab) (etag string)
		change func(ctx context.Context, l *lab, etag string) error
	}{
		"an enrollment": {dev01, func(l *lab) string {
			return strings.Trim(l.must(200, "PUT", dev01, body)["etag"].(string), `"`)
		}, func(ctx context.Context, l *lab, etag string) error {
			e, err := l.enrollments.Get(ctx, enrollment.Individual, "dev-01")
			if err != nil {
				return err
			}
			e.ETag = "other"
			return l.enrollments.Replace(ctx, e, etag)
		}},
		"a registration": {"/registrations/dev-01" + version, func(l *lab) string {
			r := registration.Record{RegistrationID: "dev-01", Status: dps.StatusAssigned, ETag: "first"}
			if err := l.registrations.Put(l.t.Context(), r, ""); err != nil {
				l.t.Fatal(err)
			}
			return r.ETag
		}, func(ctx context.Context, l *lab, etag string) error {
			return l.registrations.Put(ctx, registration.Record{RegistrationID: "dev-01", Status: dps.StatusAssigned, ETag: "other"}, etag)
		}},
	} {
		for match, code := range map[string]int{"": 0, "*": 0, "etag": 412201} {
			t.Run(what+", If-Match "+match, func(t *testing.T) {
				l := open(t)
				etag := c.make(l)
				once(l, serviceapi.Conditioned, func(ctx context.Context, p *serviceapi.Precondition) error { return c.change(ctx, l, etag) })
				a := l.do("DELETE", c.path, "", "If-Match", strings.Replace(match, "etag", `"`+etag+`"`, 1))
				if code != 0 {
					a.refused(t, "DELETE", code)
					l.must(200, "GET", c.path, "")
					return
				}
				if gone := l.do("GET", c.path, ""); a.status != 204 || gone.status != 404 {
					t.Errorf("%d %s, and then %d", a.status, a.body, gone.status)
				}
			})
		}
	}
}
