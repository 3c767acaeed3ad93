package harness_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
)

// probed is a scripted target, which speaks HTTPS alone, after it was looked at.
func probed(t *testing.T, change func(target *sut.Target)) (*harness.Env, map[string]reports.Claim) {
	t.Helper()
	_, target := startScript(t)
	target.Control, target.Prefix, target.DPS.Ports.MQTTS = nil, "dpslab-", 0
	change(&target)
	env := open(t, target)
	// One whose claims are all wrong is no service to check; its claims are told all the same.
	if err := env.Probe(t.Context()); err != nil && !strings.HasPrefix(err.Error(), "no service to check: ") {
		t.Fatal(err)
	}
	claims := map[string]reports.Claim{}
	run := reports.Run{Schema: reports.Schema, Claims: env.Claims}
	if run.Tally(); run.Reconcile() != nil {
		t.Errorf("the claims do not reconcile: %v", run.Reconcile())
	}
	for _, c := range env.Claims {
		claims[c.Name] = c
	}
	return env, claims
}

func TestClaimsAreHeldAgainstWhatIsSeen(t *testing.T) {
	for _, c := range []struct {
		rule, claim string
		change      func(target *sut.Target)
		seen        reports.Sight
		outcome     reports.Outcome
		says        string
	}{
		{"claimed and seen", "transport https", func(*sut.Target) {}, reports.SeenYes, reports.Passed, "201"},
		{"claimed by what is left out, and no port", "transport mqtt", func(*sut.Target) {}, reports.SeenNo, reports.Failed, "gives no port"},
		{"not claimed, and no port", "transport mqtt", func(target *sut.Target) { target.Capabilities.Transports = []string{"https"} },
			reports.SeenNo, reports.Passed, "gives no port"},
		{"claimed, and the port refuses an upgrade", "transport mqtt-ws", func(*sut.Target) {}, reports.SeenNo, reports.Failed, "201"},
		{"not claimed and seen", "transport https", func(target *sut.Target) { target.Capabilities.Transports = []string{"mqtt-ws"} },
			reports.SeenYes, reports.Failed, "201"},
		{"a service API that does not know the key", "service API", func(*sut.Target) {}, reports.SeenNo, reports.Failed, "201"},
		{"no service API to ask", "service API", func(target *sut.Target) {
			target.DPS.ServiceConnectionString = ""
			target.Enrollments = []sut.Enrollment{group("line")}
		}, reports.SeenUnknown, reports.Skipped, "no connection string"},
		{"a hub that is not there", "hub hub-1.test", func(target *sut.Target) { target.Hubs[0].Ports.HTTPS = 1 }, reports.SeenNo, reports.Failed, "refused"},
		{"a hub of which no string is known", "hub hub-1.test", func(target *sut.Target) { target.Hubs[0].ConnectionString = "" },
			reports.SeenYes, reports.Passed, "certificate"},
		{"a version that is answered as none is", "api-version 2019-03-31", func(*sut.Target) {}, reports.SeenUnknown, reports.Skipped, "alike"},
		{"an attestation", "attestation x509", func(*sut.Target) {}, reports.SeenUnknown, reports.Skipped, "its checks"},
	} {
		_, claims := probed(t, c.change)
		got, ok := claims[c.claim]
		if !ok || got.Seen != c.seen || got.Outcome != c.outcome || !strings.Contains(got.Note, c.says) {
			t.Errorf("%s: %v, %s, change %q", c.rule, got, got.Outcome, got.Change)
		}
	}
}

func TestWhatIsNotThereIsSkippedAndNamesItsClaim(t *testing.T) {
	nothing := func(context.Context, *harness.Env, *harness.T) {}
	env, _ := probed(t, func(target *sut.Target) {
		target.Capabilities = sut.Capabilities{
			Transports: []string{"https", "mqtt"}, Attestations: []string{"symmetric-key"}, APIVersions: []string{"2019-03-31"},
		}
	})
	for _, c := range []struct {
		rule, says string
		check      harness.Check
	}{
		{"a transport that is not claimed", "transport mqtt-ws is not claimed (capabilities.transports",
			harness.Check{Requirement: "DPS-MQTT-003", Transports: harness.Over(dps.MQTTWebSocket), Run: nothing}},
		{"one that is claimed and was not seen", "transport mqtt is claimed and was not seen",
			harness.Check{Requirement: "DPS-MQTT-003", Transports: harness.Over(dps.MQTT), Run: nothing}},
		{"an attestation", "attestation x509 is not claimed (capabilities.attestations",
			harness.Check{Requirement: "DPS-X509-001", Run: func(ctx context.Context, env *harness.Env, t *harness.T) { env.Service(ctx, t).X509Device(ctx, t) }}},
		{"an attestation in a record", "attestation tpm is not claimed",
			harness.Check{Requirement: "DPS-X509-001", Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
				env.Service(ctx, t).Enroll(ctx, t, harness.Members{"attestation": harness.Members{"type": "tpm"}})
			}}},
		{"a version", "api-version 2018-11-01 is not claimed (capabilities.api_versions",
			harness.Check{Requirement: "DPS-X509-001", Run: func(_ context.Context, env *harness.Env, t *harness.T) { env.Versions(t, "2019-03-31", "2018-11-01") }}},
		{"a service API that was not seen", "needs service-api, which is claimed and was not seen",
			harness.Check{Requirement: "DPS-SVC-001", Run: nothing}},
	} {
		c.check.Title = c.rule
		cases, err := harness.Cases([]harness.Check{c.check})
		if err != nil {
			t.Fatal(err)
		}
		if r := cases[0].Run(t.Context(), env); r.Outcome != reports.Skipped || !strings.Contains(r.Reason, c.says) {
			t.Errorf("%s: %s %s %s", c.rule, r.Outcome, r.Reason, r.Failure)
		}
	}
}

func TestADeadTargetIsOneError(t *testing.T) {
	_, target := startScript(t)
	target.Control, target.DPS.Ports, target.Hubs = nil, sut.Ports{HTTPS: 1, MQTTS: 1, AMQPS: 1}, nil
	err := open(t, target).Probe(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no service to check: ") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

func TestEveryTransportOfTheCatalogueIsLookedFor(t *testing.T) {
	_, claims := probed(t, func(*sut.Target) {})
	for _, over := range []string{"https", "mqtt", "mqtt-ws"} {
		if _, ok := claims["transport "+over]; !ok {
			t.Errorf("%s is not", over)
		}
	}
	versions := slices.ContainsFunc(harness.APIVersions(), func(v string) bool { _, ok := claims["api-version "+v]; return !ok })
	if versions {
		t.Errorf("not every version is: %v", claims)
	}
}
