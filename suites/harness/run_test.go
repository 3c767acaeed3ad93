package harness_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/reports"
	"github.com/dpslab/dpslab/suites/harness"
	"github.com/dpslab/dpslab/suites/sut"
	. "github.com/onsi/gomega"
)

const plain = "DPS-SVC-001" // a clause without transports and needs

func run(t *testing.T, env *harness.Env, id string, f func(ctx context.Context, env *harness.Env, t *harness.T)) reports.Result {
	t.Helper()
	cases, err := harness.Cases([]harness.Check{{Requirement: id, Title: "a check", Run: f}})
	if err != nil {
		t.Fatal(err)
	}
	return cases[0].Run(context.Background(), env)
}

func TestOutcomes(t *testing.T) {
	dial := func() error {
		_, err := net.Dial("tcp", "127.0.0.1:1")
		return fmt.Errorf("connect: %w", err)
	}()
	for _, c := range []struct {
		rule       string
		f          func(ctx context.Context, env *harness.Env, t *harness.T)
		want       reports.Outcome
		says       string // in reason or failure
		assertions int
	}{
		{"assertions that hold pass", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Expect(1).To(Equal(1))
			t.Expect(fmt.Errorf("x")).Error().To(HaveOccurred())
			t.Eventually(context.Background(), func() int { return 2 }).Should(Equal(2))
		}, reports.Passed, "", 3},
		{"an assertion that does not hold fails and ends the check", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Expect(200).To(Equal(202), "the status")
			panic("not reached")
		}, reports.Failed, "202", 1},
		{"no assertion fails", func(context.Context, *harness.Env, *harness.T) {}, reports.Failed, "without an assertion", 0},
		{"an Expect without a To is no assertion", func(_ context.Context, _ *harness.Env, t *harness.T) { _ = t.Expect(1) },
			reports.Failed, "without an assertion", 0},
		{"assertions of the twin alone do not count", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Given("it works", func() { t.Expect(1).To(Equal(1)) })
		}, reports.Failed, "without an assertion", 0},
		{"a failing twin is an error", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Given("it works", func() { t.Expect(1).To(Equal(2)) })
		}, reports.Error, "given that it works", 0},
		{"a failure after the twin is a failure", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Given("it works", func() { t.Expect(1).To(Equal(1)) })
			t.Expect(1).To(Equal(2))
		}, reports.Failed, "", 1},
		{"set-up that fails is an error", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Must(errors.New("no such luck"), "prepare")
		}, reports.Error, "prepare: no such luck", 0},
		{"a target that answers wrongly fails", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Answered(errors.New("closed"), "register")
		}, reports.Failed, "register: closed", 0},
		{"a target that nobody can reach is an error", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Answered(dial, "register")
		}, reports.Error, "register", 0},
		{"a panic is an error with its stack", func(context.Context, *harness.Env, *harness.T) { panic("oh no") },
			reports.Error, "run_test.go", 0},
		{"a skip has its reason", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Expect(1).To(Equal(1))
			t.Skip("not here")
		}, reports.Skipped, "not here", 1},
		{"a cleanup that fails raises a pass to an error", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Cleanup(func(context.Context) { t.Must(errors.New("still there"), "remove") })
			t.Expect(1).To(Equal(1))
		}, reports.Error, "still there", 1},
		{"a later failure does not lower an error", func(_ context.Context, _ *harness.Env, t *harness.T) {
			t.Cleanup(func(context.Context) { t.Expect(1).To(Equal(2)) })
			t.Must(errors.New("first"), "prepare")
		}, reports.Error, "first", 0},
		{"an end out of nowhere is not a pass", func(_ context.Context, _ *harness.Env, t *harness.T) {
			failed := make(chan struct{})
			go func() {
				defer close(failed)
				t.Expect("elsewhere").To(BeEmpty())
			}()
			<-failed
			t.Expect(1).To(Equal(1))
		}, reports.Failed, "elsewhere", 2},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := run(t, &harness.Env{}, plain, c.f)
			if r.Outcome != c.want || !strings.Contains(r.Reason+r.Failure, c.says) || r.Assertions != c.assertions {
				t.Fatalf("got %s with %d assertions: %s%s", r.Outcome, r.Assertions, r.Reason, r.Failure)
			}
			if r.Outcome.Red() && !strings.Contains(r.At, "run_test.go:") && c.says != "without an assertion" {
				t.Errorf("seen at %q", r.At)
			}
		})
	}
}

func TestASecretInAFailureIsHidden(t *testing.T) {
	r := run(t, &harness.Env{}, plain, func(_ context.Context, _ *harness.Env, t *harness.T) {
		t.Step("send SharedAccessSignature sr=a&sig=c2VjcmV0c2VjcmV0&se=1")
		t.Expect("SharedAccessSignature sr=a&sig=c2VjcmV0c2VjcmV0&se=1").To(BeEmpty())
	})
	if shown := r.Failure + strings.Join(r.Steps, ""); strings.Contains(shown, "c2VjcmV0c2VjcmV0") {
		t.Fatalf("shown: %s", shown)
	}
}

func TestCleanupsRunLastFirstWhateverHappens(t *testing.T) {
	var order []string
	run(t, &harness.Env{}, plain, func(_ context.Context, _ *harness.Env, t *harness.T) {
		t.Cleanup(func(context.Context) { order = append(order, "first") })
		t.Cleanup(func(context.Context) {
			order = append(order, "second")
			t.Cleanup(func(context.Context) { order = append(order, "added meanwhile") })
			panic("a cleanup that breaks")
		})
		t.Expect(1).To(Equal(2))
	})
	if want := []string{"second", "added meanwhile", "first"}; !slices.Equal(order, want) {
		t.Fatalf("got %q", order)
	}
}

func TestACheckThatTakesTooLongIsAnError(t *testing.T) {
	env := &harness.Env{Timeouts: harness.LabTimeouts()}
	env.Timeouts.Check = 20 * time.Millisecond
	r := run(t, env, plain, func(ctx context.Context, _ *harness.Env, t *harness.T) {
		<-ctx.Done()
	})
	if r.Outcome != reports.Error || !strings.Contains(r.Failure, "longer than 20ms") {
		t.Fatalf("%s: %s", r.Outcome, r.Failure)
	}
	env.Timeouts.Cleanup = 20 * time.Millisecond
	forever := make(chan struct{})
	defer close(forever)
	r = run(t, env, plain, func(context.Context, *harness.Env, *harness.T) { <-forever })
	if r.Outcome != reports.Error || !strings.Contains(r.Failure, "left behind") {
		t.Fatalf("%s: %s", r.Outcome, r.Failure)
	}
}

func TestAnInterruptedRunIsAnError(t *testing.T) {
	cases, err := harness.Cases([]harness.Check{{Requirement: plain, Title: "waits", Run: func(ctx context.Context, _ *harness.Env, t *harness.T) {
		<-ctx.Done()
		t.Expect(1).To(Equal(2))
	}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r := cases[0].Run(ctx, &harness.Env{}); r.Outcome != reports.Error || !strings.Contains(r.Failure, "interrupted") {
		t.Fatalf("%s: %s", r.Outcome, r.Failure)
	}
}

func TestAnInferredClauseIsObservedOnAForeignTarget(t *testing.T) {
	const inferred = "DPS-HTTPS-019"
	fails := func(_ context.Context, _ *harness.Env, t *harness.T) { t.Expect(202).To(Equal(400)) }
	if r := run(t, &harness.Env{}, inferred, fails); r.Outcome != reports.Failed {
		t.Fatalf("on a lab: %s", r.Outcome)
	}
	foreign := &harness.Env{Target: sut.Target{Foreign: true}}
	r := run(t, foreign, inferred, fails)
	if r.Outcome != reports.Skipped || !strings.Contains(r.Reason, "observed") || !strings.Contains(r.Reason, "400") {
		t.Fatalf("on a foreign target: %s %s", r.Outcome, r.Reason)
	}
	if r := run(t, foreign, plain, fails); r.Outcome != reports.Failed {
		t.Fatalf("a clause with evidence: %s", r.Outcome)
	}
}

func TestNeedsThatATargetDoesNotMeetSkip(t *testing.T) {
	passes := func(_ context.Context, _ *harness.Env, t *harness.T) { t.Expect(1).To(Equal(1)) }
	withHub := &harness.Env{Target: sut.Target{Hubs: []sut.Hub{{Host: "h", ConnectionString: "HostName=h"}}}}
	for _, c := range []struct {
		rule, id string
		needs    []harness.Need
		env      *harness.Env
		want     reports.Outcome
		says     string
	}{
		{"control, of the requirement", "DPS-ALLOC-005", nil, &harness.Env{}, reports.Skipped, "needs control"},
		{"a hub that is not known", "DPS-HUB-001", nil, &harness.Env{}, reports.Skipped, "needs hub"},
		{"a hub that is known", "DPS-HUB-001", nil, withHub, reports.Passed, ""},
		{"containers", plain, []harness.Need{harness.NeedContainers}, &harness.Env{}, reports.Skipped, "needs containers"},
		{"loopback, where nothing is made", plain, []harness.Need{harness.NeedLoopback}, &harness.Env{}, reports.Passed, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			cases, err := harness.Cases([]harness.Check{{Requirement: c.id, Title: "x", Needs: c.needs, Run: passes}})
			if err != nil {
				t.Fatal(err)
			}
			r := cases[0].Run(context.Background(), c.env)
			if r.Outcome != c.want || !strings.Contains(r.Reason, c.says) {
				t.Fatalf("%s: %s", r.Outcome, r.Reason)
			}
		})
	}
}

func TestNamesAreNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	run(t, &harness.Env{}, "DPS-HTTPS-001", func(_ context.Context, _ *harness.Env, t *harness.T) {
		for range 100 {
			name := t.Name()
			t.Expect(name).To(MatchRegexp(`^[a-z0-9-]{1,48}$`))
			t.Expect(seen).NotTo(HaveKey(name))
			seen[name] = true
		}
	})
	if len(seen) != 100 {
		t.Fatalf("%d names", len(seen))
	}
}

func TestCasesRefuses(t *testing.T) {
	f := func(context.Context, *harness.Env, *harness.T) {}
	good := harness.Check{Requirement: "DPS-MQTT-003", Title: "x", Transports: harness.OverMQTT, Run: f}
	if cases, err := harness.Cases([]harness.Check{good}); err != nil || len(cases) != 2 || cases[1].Transport != dps.MQTTWebSocket {
		t.Fatalf("%v, %v", cases, err)
	}
	for rule, change := range map[string]func(c *harness.Check){
		"an unknown requirement": func(c *harness.Check) { c.Requirement = "DPS-MQTT-999" },
		"no title":               func(c *harness.Check) { c.Title = "" },
		"nothing to run":         func(c *harness.Check) { c.Run = nil },
		"a transport that the requirement is not about": func(c *harness.Check) { c.Transports = harness.Over(dps.HTTPS) },
		"a transport twice":                             func(c *harness.Check) { c.Transports = harness.Over(dps.MQTT, dps.MQTT) },
	} {
		bad := good
		change(&bad)
		if _, err := harness.Cases([]harness.Check{bad}); err == nil {
			t.Errorf("accepted: %s", rule)
		}
	}
	if _, err := harness.Cases([]harness.Check{good, good}); err == nil {
		t.Error("accepted: the same check twice")
	}
}

func TestLabels(t *testing.T) {
	cases, err := harness.Cases([]harness.Check{{
		Requirement: "DPS-MQTT-020", Title: "x", Transports: harness.Over(dps.MQTT), Needs: []harness.Need{harness.NeedHub, harness.NeedControl},
		Run: func(context.Context, *harness.Env, *harness.T) {},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"spec:DPS-MQTT-020", "family:MQTT", "level:must", "evidence:sdk", "transport:mqtt", "needs:control", "needs:hub"}
	if got := cases[0].Labels(); !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
	if got := cases[0].Filter(); got != "spec:DPS-MQTT-020 && transport:mqtt" {
		t.Fatalf("filter %q", got)
	}
}

func TestRunsDoNotShareARecord(t *testing.T) {
	env := &harness.Env{}
	var logs []*transcript.Log
	for range 2 {
		run(t, env, plain, func(_ context.Context, own *harness.Env, t *harness.T) {
			logs = append(logs, own.Wire.Log)
			t.Expect(own.Timeouts.Answer).To(BeNumerically(">", 0))
		})
	}
	if env.Wire != nil || len(logs) != 2 || logs[0] == nil || logs[0] == logs[1] {
		t.Fatalf("the logs are %v, the shared wire %v", logs, env.Wire)
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		rule     string
		reply    harness.Reply
		accepted bool
		refused  bool
	}{
		{"nothing at all", harness.Reply{}, false, false},
		{"an answer of 401", reply(401, 0, nil), false, true},
		{"an operation", operation(202), true, false},
		{"a session at a hub", harness.Reply{Session: true}, true, false},
		{"an answer of 202 without operation", reply(202, 0, nil), false, false},
		{"CONNACK 5", reply(0, 5, errors.New("refused")), false, true},
		{"CONNACK 4", reply(0, 4, errors.New("refused")), false, true},
		{"CONNACK 3", reply(0, 3, errors.New("refused")), false, false},
		{"a closed connection", reply(0, 0, errors.New("closed")), false, false},
		{"a malformed 202", reply(202, 0, errors.New("malformed")), false, false},
		{"a 404", reply(404, 0, nil), false, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if ok, err := harness.BeAccepted().Match(c.reply); ok != c.accepted || err != nil {
				t.Errorf("accepted: %v, %v", ok, err)
			}
			if ok, err := harness.BeRefused().Match(c.reply); ok != c.refused || err != nil {
				t.Errorf("refused: %v, %v", ok, err)
			}
		})
	}
	if ok, _ := harness.BeRefused(401, 404).Match(reply(404, 0, nil)); !ok {
		t.Error("a 404 is one of the refusals named")
	}
	if ok, _ := harness.BeRefused(404).Match(reply(0, 5, nil)); ok {
		t.Error("CONNACK 5 is no 404")
	}
	if message := harness.BeRefused(401, 404).FailureMessage(reply(202, 0, nil)); message != "expected the device to be refused with 401 or 404, it got 202 " {
		t.Errorf("message %q", message)
	}
}

func operation(code int) harness.Reply {
	r := reply(code, 0, nil)
	r.OperationID = "5.0"
	return r
}

func reply(code int, connack byte, err error) harness.Reply {
	r := harness.Reply{Connack: connack, Err: err}
	r.Code = code
	return r
}
