//go:build unix

package harness_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

// hooked is a target whose hooks are a shell script, beside a file that the script can write
// to. The script is called with the hook's verb.
func hooked(t *testing.T, target sut.Target, script string) (sut.Target, string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "hook.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	target.Control, target.DPS.ServiceConnectionString = nil, ""
	target.File = filepath.Join(folder, "target.yaml")
	for i := range target.Hubs {
		target.Hubs[i].ConnectionString = ""
	}
	target.Hooks = sut.Hooks{
		CreateEnrollment: []string{"sh", "hook.sh", "create"}, DeleteEnrollment: []string{"sh", "hook.sh", "delete"},
		CreateHubIdentity: []string{"sh", "hook.sh", "identity"},
	}
	return target, filepath.Join(folder, "log")
}

// keep writes down what it is called with and answers with it.
const keep = `tee -a log`

func lines(t *testing.T, file string) []harness.Members {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []harness.Members
	for line := range strings.Lines(string(text)) {
		var m harness.Members
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func TestHooksEnrollAndRemove(t *testing.T) {
	_, target := startScript(t)
	target, log := hooked(t, target, keep)
	var ids []string
	r := run(t, open(t, target), ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		device := service.SymmetricKeyDevice(ctx, t, harness.Members{"deviceId": "other"})
		group := service.X509Group(ctx, t)
		ids = []string{device.RegistrationID, group.ID}
		t.Expect(device.Record["deviceId"]).To(Equal("other"))
		t.Expect(device.Try(ctx, t)).To(harness.BeAccepted())
		t.Expect(group.Device(t).Certificate).NotTo(BeNil())
	})
	if r.Outcome != reports.Passed {
		t.Fatalf("%s %s", r.Outcome, r.Failure)
	}
	heard := lines(t, log)
	if len(heard) != 4 {
		t.Fatalf("%d calls: %v", len(heard), heard)
	}
	created, group, groupGone, gone := heard[0], heard[1], heard[2], heard[3]
	attestation, _ := created["attestation"].(harness.Members)
	if created["kind"] != "individual" || created["registrationId"] != ids[0] || created["deviceId"] != "other" || attestation["type"] != "symmetricKey" {
		t.Errorf("created %v", created)
	}
	if group["kind"] != "group" || group["enrollmentGroupId"] != ids[1] {
		t.Errorf("group %v", group)
	}
	if groupGone["kind"] != "group" || groupGone["enrollmentGroupId"] != ids[1] || gone["kind"] != "individual" || gone["registrationId"] != ids[0] || len(gone) != 2 {
		t.Errorf("removed %v and %v", groupGone, gone)
	}
}

func TestAHookMayChooseIDAndKeys(t *testing.T) {
	_, target := startScript(t)
	target, log := hooked(t, target, `tee -a log >/dev/null; [ $1 = delete ] ||
		echo '{"registrationId": "theirs", "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": "cHJpbWFyeQ==", "secondaryKey": "c2Vjb25k"}}}'`)
	r := run(t, open(t, target), ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Expect(device.RegistrationID).To(Equal("theirs"))
		t.Expect(string(device.Key)).To(Equal("primary"))
		t.Expect(string(device.Secondary)).To(Equal("second"))
	})
	if r.Outcome != reports.Passed {
		t.Errorf("%s %s", r.Outcome, r.Failure)
	}
	if heard := lines(t, log); heard[1]["registrationId"] != "theirs" {
		t.Errorf("removed %v", heard[1])
	}
	r = run(t, open(t, target), ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) { env.Service(ctx, t).X509Device(ctx, t) })
	if r.Outcome != reports.Error || !strings.Contains(r.Failure, "the certificate names") {
		t.Errorf("another id for a certificate: %s %s", r.Outcome, r.Failure)
	}
}

func TestAHookMakesDevicesAtAHub(t *testing.T) {
	_, target := startScript(t)
	target, log := hooked(t, target, keep)
	r := run(t, open(t, target), ofDevices, func(ctx context.Context, env *harness.Env, t *harness.T) {
		device := env.Hub(ctx, t).Device(ctx, t)
		t.Expect(device.Key).NotTo(BeEmpty())
	})
	heard := lines(t, log)
	if r.Outcome != reports.Passed || len(heard) != 2 || heard[0]["hub"] != "hub-1.test" || heard[1]["kind"] != "hubIdentity" || heard[1]["deviceId"] != heard[0]["deviceId"] {
		t.Errorf("%s %s, calls %v", r.Outcome, r.Failure, heard)
	}
}

func TestWhatHooksDoNotServeIsSkipped(t *testing.T) {
	_, target := startScript(t)
	target, _ = hooked(t, target, `echo 'groups are not for sale here' >&2; exit 3`)
	for rule, c := range map[string]struct {
		check func(ctx context.Context, env *harness.Env, t *harness.T)
		says  string
	}{
		"a record that cannot be made": {func(ctx context.Context, env *harness.Env, t *harness.T) {
			env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		}, "groups are not for sale here"},
		"the service API": {func(ctx context.Context, env *harness.Env, t *harness.T) {
			env.Service(ctx, t).Get(ctx, t, "/enrollments/a")
		},
			"needs service-api: this check asks the service API"},
		"a hub's service API": {func(ctx context.Context, env *harness.Env, t *harness.T) { env.Hub(ctx, t).Get(ctx, t, "/devices/a") },
			"needs hub: this check asks the service API of hub-1.test"},
	} {
		r := run(t, open(t, target), "DPS-MQTT-003", c.check)
		if r.Outcome != reports.Skipped || !strings.Contains(r.Reason, c.says) {
			t.Errorf("%s: %s %s %s", rule, r.Outcome, r.Reason, r.Failure)
		}
	}
	if r := run(t, open(t, target), "DPS-SVC-001", func(context.Context, *harness.Env, *harness.T) {}); r.Outcome != reports.Skipped || !strings.Contains(r.Reason, "needs service-api") {
		t.Errorf("a family about the service API: %s %s", r.Outcome, r.Reason)
	}
}

func TestHooksThatBreak(t *testing.T) {
	t.Parallel()
	_, target := startScript(t)
	const secret = "c2VjcmV0IGtleQ=="
	record := harness.Members{"registrationId": "d", "attestation": harness.Members{"symmetricKey": harness.Members{"primaryKey": secret}}}
	for rule, c := range map[string]struct{ script, says string }{
		"an exit code":                     {`echo "no database" >&2; exit 7`, "exit status 7: no database"},
		"an error that quotes its input":   {`cat >&2; exit 1`, "REDACTED"},
		"what is no JSON":                  {`echo not json`, "wrote no JSON object"},
		"more than anybody reads":          {`head -c 2000000 /dev/zero`, "more than 1048576 bytes"},
		"a command that does not end":      {`exec sleep 60`, "did not end within"},
		"a child that outlives its parent": {`sleep 60 & echo started >&2; exit 9`, "exit status 9"},
	} {
		broken, _ := hooked(t, target, c.script)
		limit := 20 * time.Second
		if strings.HasPrefix(c.script, "exec") {
			limit = 50 * time.Millisecond
		}
		_, err := harness.NewCommands(broken, limit).CreateEnrollment(t.Context(), harness.Individual, record)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "hooks.create_enrollment") {
			t.Errorf("%s: %v", rule, err)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || errors.Is(err, harness.ErrNotHere)) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}
