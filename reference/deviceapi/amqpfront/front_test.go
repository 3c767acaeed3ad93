package amqpfront_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	goamqp "github.com/Azure/go-amqp"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/problem"
)

func TestADeviceFromRegisterToAssigned(t *testing.T) {
	l := open(t)
	for i, correlation := range []any{"c-1", uint64(7), goamqp.UUID{1, 2}, []byte{3}, nil} {
		d := l.device("dev-01", []string{address, "/" + address, "amqps://demo/" + address, "amqps://demo:5671/" + address, address}[i])
		if refused := d.ask(register(correlation, "")); refused != nil {
			t.Fatalf("register: %v", refused)
		}
		first, doc := d.answer()
		if doc.Status != "assigning" || doc.OperationID == "" || doc.RegistrationState != nil {
			t.Errorf("register: %s", first.Data[0])
		}
		for _, name := range []string{"retry-after", "Retry-After"} {
			if first.ApplicationProperties[name] != int32(3) {
				t.Errorf("%s is %v", name, first.ApplicationProperties[name])
			}
		}
		if refused := d.ask(poll(correlation, doc.OperationID)); refused != nil {
			t.Fatalf("poll: %v", refused)
		}
		last, state := d.answer()
		if state.Status != "assigned" || state.RegistrationState == nil || state.RegistrationState.AssignedHub != "hub-a.azure-devices.net" {
			t.Errorf("poll: %s", last.Data[0])
		}
		if len(last.ApplicationProperties) > 0 {
			t.Errorf("a terminal answer has %v", last.ApplicationProperties)
		}
		for _, m := range []*goamqp.Message{first, last} {
			switch {
			case correlation == nil && m.Properties != nil:
				t.Errorf("an answer to a request without correlation-id has %v", m.Properties.CorrelationID)
			case correlation != nil && !reflect.DeepEqual(m.Properties.CorrelationID, correlation):
				t.Errorf("the correlation-id is %#v, want %#v", m.Properties.CorrelationID, correlation)
			}
		}
	}
}

func TestLogins(t *testing.T) {
	l := open(t)
	for _, c := range []struct {
		rule, user, password string
		in                   bool
	}{
		{"a device", address, token("dev-01"), true},
		{"ids in another case", strings.Replace(address, "dev-01", "DEV-01", 1), token("dev-01"), true},
		{"another device's token", address, token("dev-02"), false},
		{"a password that is no token", address, "secret", false},
		{"no password", address, "", false},
		{"nobody's name", "dev-01", token("dev-01"), false},
		{"an unknown scope", strings.Replace(address, scope, "0ne00OTHER1", 1), token("dev-01"), false},
		{"an id that is none", scope + "/registrations/a b", token("a b"), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := l.login(c.user, c.password); (err == nil) != c.in {
				t.Errorf("the login ends with %v", err)
			}
		})
	}
}

func TestLinksThatAreRefused(t *testing.T) {
	l := open(t)
	for _, c := range []struct {
		rule, user, address string
		condition           goamqp.ErrCond
		code                int
	}{
		{"another device's", address, scope + "/registrations/dev-02", goamqp.ErrCondUnauthorizedAccess, 401002},
		{"another scope's", address, "0ne00OTHER1/registrations/dev-01", goamqp.ErrCondUnauthorizedAccess, 401002},
		{"nobody's", address, "devices/dev-01", goamqp.ErrCondNotFound, 404000},
		{"none", address, "", goamqp.ErrCondNotFound, 404000},
		{"of a device that has proved nothing", "", address, goamqp.ErrCondUnauthorizedAccess, 401002},
		{"of an unknown scope, without SASL", "", "0ne00OTHER1/registrations/dev-01", goamqp.ErrCondNotFound, 404001},
	} {
		t.Run(c.rule, func(t *testing.T) {
			session, err := l.login(c.user, token("dev-01"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = session.NewReceiver(l.soon(), c.address, nil)
			expectRefusal(t, "the receiving link", err, c.condition, c.code)
			_, err = session.NewSender(l.soon(), c.address, nil)
			expectRefusal(t, "the sending link", err, c.condition, c.code)
		})
	}
}

func expectRefusal(t *testing.T, what string, err error, condition goamqp.ErrCond, code int) {
	t.Helper()
	var refused *goamqp.Error
	if link := (*goamqp.LinkError)(nil); errors.As(err, &link) {
		refused = link.RemoteErr
	} else if !errors.As(err, &refused) {
		t.Fatalf("%s: %v", what, err)
	}
	if refused.Condition != condition || parse(t, []byte(refused.Description)).ErrorCode != code {
		t.Errorf("%s: %v, want %s and %d", what, refused, condition, code)
	}
}

func TestRefusalsAreRejections(t *testing.T) {
	d := open(t).dev01()
	sequence := message(nil, nil, "iotdps-operation-type", "iotdps-register")
	sequence.Sequence = [][]any{{"a"}}
	for _, c := range []struct {
		rule      string
		request   *goamqp.Message
		condition goamqp.ErrCond
		code      int
	}{
		{"no JSON", register(nil, "{"), "com.microsoft:argument-error", 400004},
		{"another device's body", register(nil, `{"registrationId":"dev-02"}`), "com.microsoft:argument-error", 400004},
		{"another device's body with a name as long as it goes", register(nil, `{"registrationId":"`+strings.Repeat("<", 90<<10)+`"}`), "com.microsoft:argument-error", 400004},
		{"a sequence", sequence, "com.microsoft:argument-error", 400004},
		{"too much", register(nil, `{"payload":"`+strings.Repeat("x", 97<<10)+`"}`), "amqp:link:message-size-exceeded", 413000},
		{"no operation", message(nil, []byte("{}")), "com.microsoft:argument-error", 400004},
		{"an operation that nobody knows", message(nil, nil, "iotdps-operation-type", "iotdps-get-registration"), "com.microsoft:argument-error", 400004},
		{"a poll without an operation id", message(nil, nil, "iotdps-operation-type", "iotdps-get-operationstatus"), "com.microsoft:argument-error", 400004},
		{"an operation that never was", poll(nil, "5.0"), "amqp:not-found", 404203},
	} {
		refused := d.ask(c.request)
		if refused == nil || refused.Condition != c.condition || refused.Info != nil {
			t.Fatalf("%s: %v, want %s", c.rule, refused, c.condition)
		}
		doc := parse(t, []byte(refused.Description))
		if doc.ErrorCode != c.code || doc.TrackingID == "" || doc.Message == "" || doc.Status != "" {
			t.Errorf("%s: %s", c.rule, refused.Description)
		}
	}
	// The link is as good as before, and nothing was sent over the other.
	if refused := d.ask(register("behind", "")); refused != nil {
		t.Fatal(refused)
	}
	if m, _ := d.answer(); m.Properties.CorrelationID != "behind" {
		t.Errorf("a rejected request was answered: %v", m.Properties)
	}
}

func TestALinksVersionIsThatOfItsRequests(t *testing.T) {
	l := open(t)
	for version, code := range map[string]int{"": 400003, "2019-03-32": 400003} {
		session, err := l.login(address, token("dev-01"))
		if err != nil {
			t.Fatal(err)
		}
		d := &device{lab: l}
		if d.sender, err = session.NewSender(l.soon(), address, &goamqp.SenderOptions{
			Properties: map[string]any{"com.microsoft:api-version": version},
		}); err != nil {
			t.Fatal(err)
		}
		for _, request := range []*goamqp.Message{register(nil, ""), poll(nil, "5.0")} {
			if refused := d.ask(request); refused == nil || parse(t, []byte(refused.Description)).ErrorCode != code {
				t.Errorf("version %q: %v", version, refused)
			}
		}
	}
}

func TestOneDevicesOperationIsNotAnothers(t *testing.T) {
	l := open(t)
	first, second := l.dev01(), l.device("dev-02", scope+"/registrations/dev-02")
	first.ask(register(nil, ""))
	_, doc := first.answer()
	if refused := second.ask(poll(nil, doc.OperationID)); refused == nil || refused.Condition != goamqp.ErrCondNotFound {
		t.Errorf("another device's operation: %v", refused)
	}
}

// Who wants to hear nothing is not waited for.
func TestAnAnswerWithoutALinkIsLost(t *testing.T) {
	l := open(t)
	d := l.dev01()
	if err := d.receiver.Close(l.soon()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if refused := d.ask(register(nil, "")); refused != nil && refused.Condition != "com.microsoft:precondition-failed" {
			t.Fatal(refused)
		}
	}
}

func TestPlansBendAnswers(t *testing.T) {
	l := open(t)
	d := l.dev01()
	l.arm(amqpfront.Answering.Plan(func(c point.Call, a *amqpfront.Answer) {
		if c.Registration != "dev-01" || c.Service != "demo" {
			t.Errorf("the point is passed at %+v", c.At)
		}
		if c.Step == "poll" {
			a.Code, a.Body = 202, []byte(`{"status":"assigning"}`)
			return
		}
		a.Code, a.Body, a.HasRetryAfter, a.RetryAfter = 429, []byte(`{"errorCode":429001}`), true, 5*time.Second
	}))
	refused := d.ask(register(nil, ""))
	if refused == nil || refused.Condition != "com.microsoft:device-container-throttled" || refused.Info["retry-after"] != int32(5) || refused.Info["Retry-After"] != int32(5) {
		t.Errorf("register: %v", refused)
	}
	if refused := d.ask(poll(nil, "5.0")); refused != nil {
		t.Errorf("poll: %v", refused)
	}
	if _, doc := d.answer(); doc.Status != "assigning" {
		t.Errorf("poll: %+v", doc)
	}
}

func TestConditions(t *testing.T) {
	for _, v := range vectors.All().AMQP.Conditions {
		if got := string(amqpfront.Condition(v.Code)); got != v.Condition {
			t.Errorf("%d is %s, want %s", v.Code, got, v.Condition)
		}
	}
	if got := amqpfront.Condition(503); got != "amqp:internal-error" {
		t.Errorf("503 is %s", got)
	}
}

// A rejection is one frame, and a device may take frames of 512 bytes.
func TestADescriptionFitsIntoAFrame(t *testing.T) {
	for _, message := range []string{"short", strings.Repeat("x", 1000), strings.Repeat("<", 50), strings.Repeat("ü\"", 1000)} {
		body := amqpfront.Description(&problem.Error{Code: 400004, Message: message}, clock.System().Now())
		if doc := parse(t, body); doc.ErrorCode != 400004 || doc.Message == "" || !strings.HasPrefix(message, doc.Message) || len(body) > amqpfront.MaxDescription {
			t.Errorf("%d bytes: %s", len(body), body)
		}
	}
}
