package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/etag"
)

const host = "hub-1.azure-devices.net"

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func newRegistry(t *testing.T) (*registry.Registry, *clock.Movable) {
	t.Helper()
	c := clock.NewMovable(clock.Frozen(noon))
	return registry.New(registry.Options{Host: host, Clock: c}), c
}

func key(fill byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(fill), 32)))
}

var bothKeys = registry.Keys{Primary: key('a'), Secondary: key('b')}

func create(t *testing.T, r *registry.Registry, id string) registry.Identity {
	t.Helper()
	i, err := r.Create(registry.Identity{DeviceID: id, Authentication: registry.Authentication{Keys: bothKeys}})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func condition(t *testing.T, text string) etag.Condition {
	t.Helper()
	c, err := etag.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// object decodes JSON as the fronts do.
func object(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantCode(t *testing.T, err error, want huberror.Code) {
	t.Helper()
	if !huberror.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func TestAnIdentityIsCreatedOnce(t *testing.T) {
	r, _ := newRegistry(t)
	first := create(t, r, "d1")
	if first.Status != registry.Enabled || first.Authentication.Type != registry.SAS || first.ETag == "" || first.GenerationID == "" {
		t.Fatalf("created as %+v", first)
	}
	_, err := r.Create(registry.Identity{DeviceID: "d1"})
	wantCode(t, err, huberror.DeviceAlreadyExists)
	if _, err := r.Create(registry.Identity{DeviceID: "D1"}); err != nil {
		t.Fatalf("device ids are case-sensitive: %v", err)
	}
	if got, _ := r.Get("d1"); !reflect.DeepEqual(got, first) {
		t.Fatalf("the refused create changed it to %+v", got)
	}
}

func TestARecreatedIdentityIsAnotherGeneration(t *testing.T) {
	r, _ := newRegistry(t)
	first := create(t, r, "d1")
	if err := r.Delete("d1", etag.Condition{}); err != nil {
		t.Fatal(err)
	}
	if second := create(t, r, "d1"); second.GenerationID == first.GenerationID || second.ETag == first.ETag {
		t.Fatalf("the same generation or etag again: %+v", second)
	}
}

func TestKeysAreGeneratedWhenNoneIsGiven(t *testing.T) {
	r, _ := newRegistry(t)
	i, err := r.Create(registry.Identity{DeviceID: "d1"})
	if err != nil {
		t.Fatal(err)
	}
	keys := i.Authentication.Keys
	for _, k := range []string{keys.Primary, keys.Secondary} {
		if raw, err := base64.StdEncoding.DecodeString(k); err != nil || len(raw) != 32 {
			t.Errorf("a generated key is %d bytes, %v", len(raw), err)
		}
	}
	if keys.Primary == keys.Secondary {
		t.Error("both keys are the same")
	}
}

func TestBadIdentitiesAreRefusedAndNotStored(t *testing.T) {
	r, _ := newRegistry(t)
	sha1 := strings.Repeat("ab", 20)
	for rule, tc := range map[string]struct {
		in   registry.Identity
		want huberror.Code
	}{
		"an empty id":           {registry.Identity{}, huberror.ArgumentNull},
		"a slash in the id":     {registry.Identity{DeviceID: "a/b"}, huberror.ArgumentInvalid},
		"a space in the id":     {registry.Identity{DeviceID: "a b"}, huberror.ArgumentInvalid},
		"a letter beyond ASCII": {registry.Identity{DeviceID: "gerät"}, huberror.ArgumentInvalid},
		"129 characters":        {registry.Identity{DeviceID: strings.Repeat("x", 129)}, huberror.ArgumentInvalid},
		"an unknown status":     {registry.Identity{DeviceID: "d1", Status: "asleep"}, huberror.ArgumentInvalid},
		"a long reason":         {registry.Identity{DeviceID: "d1", StatusReason: strings.Repeat("x", 129)}, huberror.ArgumentInvalid},
		"an unknown type":       {registry.Identity{DeviceID: "d1", Authentication: registry.Authentication{Type: "password"}}, huberror.ArgumentInvalid},
		"one key without the other": {registry.Identity{DeviceID: "d1",
			Authentication: registry.Authentication{Keys: registry.Keys{Primary: key('a')}}}, huberror.ArgumentInvalid},
		"a key that is no base64": {registry.Identity{DeviceID: "d1",
			Authentication: registry.Authentication{Keys: registry.Keys{Primary: "!", Secondary: key('b')}}}, huberror.ArgumentInvalid},
		"selfSigned without a thumbprint": {registry.Identity{DeviceID: "d1",
			Authentication: registry.Authentication{Type: registry.SelfSigned}}, huberror.ArgumentInvalid},
		"a thumbprint of another length": {registry.Identity{DeviceID: "d1",
			Authentication: registry.Authentication{Thumbprints: registry.Thumbprints{Primary: sha1 + "ab"}}}, huberror.ArgumentInvalid},
	} {
		t.Run(rule, func(t *testing.T) {
			_, err := r.Create(tc.in)
			wantCode(t, err, tc.want)
			if strings.Contains(err.Error(), key('a')) {
				t.Errorf("the error tells a key: %v", err)
			}
			if n := r.Count().Total; n != 0 {
				t.Errorf("%d identities are stored", n)
			}
		})
	}
	if _, err := r.Create(registry.Identity{DeviceID: "Az09-:.+%_#*?!(),=@;$'"}); err != nil {
		t.Errorf("every allowed character in one id: %v", err)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	r, _ := newRegistry(t)
	i := create(t, r, "d1")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, i); strings.Contains(s, bothKeys.Primary) {
			t.Errorf("%s prints a key: %s", format, s)
		}
	}
}

func TestUpdateHoldsItsCondition(t *testing.T) {
	r, c := newRegistry(t)
	first := create(t, r, "d1")
	disable := registry.Identity{DeviceID: "d1", Status: registry.Disabled}

	_, err := r.Update(disable, condition(t, `"bm90IGl0"`))
	wantCode(t, err, huberror.PreconditionFailed)
	_, err = r.Update(registry.Identity{DeviceID: "d2"}, condition(t, "*"))
	wantCode(t, err, huberror.DeviceNotFound)

	c.Advance(time.Minute)
	second, err := r.Update(disable, condition(t, `"`+string(first.ETag)+`"`))
	if err != nil {
		t.Fatal(err)
	}
	if second.Status != registry.Disabled || !second.StatusUpdated.Equal(noon.Add(time.Minute)) {
		t.Errorf("updated to %+v", second)
	}
	if second.Authentication != first.Authentication || second.GenerationID != first.GenerationID {
		t.Error("what the update left out did not stay")
	}
	if second.ETag == first.ETag {
		t.Error("the etag is the same after a write")
	}
	if _, err := r.Update(disable, condition(t, "*")); err != nil {
		t.Errorf("an unconditional update: %v", err)
	}
	wantCode(t, r.Delete("d1", condition(t, string(first.ETag))), huberror.PreconditionFailed)
	if err := r.Delete("d1", condition(t, `"*"`)); err != nil {
		t.Error(err)
	}
	wantCode(t, r.Delete("d1", etag.Condition{}), huberror.DeviceNotFound)
}

func TestListIsOrderedAndBounded(t *testing.T) {
	r, _ := newRegistry(t)
	for _, id := range []string{"c", "a", "b"} {
		create(t, r, id)
	}
	var ids []string
	for _, i := range r.List(2) {
		ids = append(ids, i.DeviceID)
	}
	if strings.Join(ids, " ") != "a b" {
		t.Errorf("listed %q", ids)
	}
}

func TestApplyDoesEachItemWhollyOrNotAtAll(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "old")
	results := r.Apply([]registry.Item{
		{Mode: registry.ModeCreate, Identity: registry.Identity{DeviceID: "new"},
			Tags: object(t, `{"site":"lab"}`), Desired: object(t, `{"interval":30,"gone":null}`), Reported: object(t, `{"fw":"1"}`)},
		{Mode: registry.ModeCreate, Identity: registry.Identity{DeviceID: "broken"}, Desired: object(t, `{"a.b":1}`)},
		{Mode: registry.ModeCreate, Identity: registry.Identity{DeviceID: "old"}},
		{Mode: registry.ModeCreateOrUpdate, Identity: registry.Identity{DeviceID: "other"}},
		{Mode: registry.ModeDelete, Identity: registry.Identity{DeviceID: "other"}},
		{Mode: registry.ModeUpdateTwin, Identity: registry.Identity{DeviceID: "missing"}, Tags: object(t, `{"a":1}`)},
	})
	want := []huberror.Code{{}, huberror.ArgumentInvalid, huberror.DeviceAlreadyExists, {}, huberror.DeviceDefinedMultipleTimes, huberror.DeviceNotFound}
	for n, result := range results {
		var got huberror.Code
		var e *huberror.Error
		if errors.As(result.Err, &e) {
			got = e.Code
		}
		if got != want[n] {
			t.Errorf("item %d, %s: got %v, want %v", n, result.DeviceID, result.Err, want[n])
		}
	}
	twin, err := r.Twin("new")
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, twin.Desired.Values); got != `{"interval":30}` || twin.Desired.Version != 1 || text(t, twin.Reported.Values) != `{"fw":"1"}` {
		t.Errorf("the initial twin is %s, version %d", got, twin.Desired.Version)
	}
	if _, err := r.Get("broken"); !huberror.Is(err, huberror.DeviceNotFound) {
		t.Errorf("an identity without its twin was stored: %v", err)
	}
	if _, err := r.Get("other"); err != nil {
		t.Errorf("the device that was named twice is gone: %v", err)
	}
}

func TestApplyToAnExistingDeviceKeepsOrReplacesTheTwin(t *testing.T) {
	r, _ := newRegistry(t)
	create(t, r, "d1")
	if _, err := r.PatchTwin("d1", object(t, `{"site":"lab"}`), object(t, `{"a":1}`), etag.Condition{}); err != nil {
		t.Fatal(err)
	}
	refresh := registry.Item{Mode: registry.ModeCreateOrUpdate, Identity: registry.Identity{DeviceID: "d1",
		Authentication: registry.Authentication{Keys: registry.Keys{Primary: key('x'), Secondary: key('y')}}}}
	apply := func(i registry.Item) registry.Twin {
		t.Helper()
		if result := r.Apply([]registry.Item{i})[0]; result.Err != nil {
			t.Fatal(result.Err)
		}
		twin, err := r.Twin("d1")
		if err != nil {
			t.Fatal(err)
		}
		return twin
	}
	twin := apply(refresh)
	if twin.Identity.Authentication.Keys.Primary != key('x') || text(t, twin.Desired.Values) != `{"a":1}` || twin.Desired.Version != 2 {
		t.Errorf("after a refresh of the keys: %s version %d", text(t, twin.Desired.Values), twin.Desired.Version)
	}
	refresh.Desired = object(t, `{"b":2}`)
	twin = apply(refresh)
	if text(t, twin.Desired.Values) != `{"b":2}` || twin.Desired.Version != 3 || text(t, twin.Tags) != `{"site":"lab"}` {
		t.Errorf("after a reset of the desired properties: %s version %d, tags %s", text(t, twin.Desired.Values), twin.Desired.Version, text(t, twin.Tags))
	}
	patch := registry.Item{Mode: registry.ModeUpdateTwin, Identity: registry.Identity{DeviceID: "d1"}, Desired: object(t, `{"c":3}`), TwinIf: condition(t, string(twin.ETag))}
	if twin = apply(patch); text(t, twin.Desired.Values) != `{"b":2,"c":3}` {
		t.Errorf("after a patch: %s", text(t, twin.Desired.Values))
	}
	wantCode(t, r.Apply([]registry.Item{patch})[0].Err, huberror.PreconditionFailed)
}
