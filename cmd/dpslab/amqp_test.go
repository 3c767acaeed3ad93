package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/devwire/amqpframe"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/internal/transcript"
	"github.com/dpslab/dpslab/simulator/tpm"
)

var overAMQP = []dps.Transport{dps.AMQP, dps.AMQPWebSocket}

// credentials are the ways a device proves who it is, each with its enrollment's
// attestation.
func credentials(t *testing.T) map[string]func(id *devwire.Identity) (attestation map[string]any) {
	t.Helper()
	module := tpm.New([]byte("a device's seed"))
	ek, err := module.EndorsementKey()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]func(id *devwire.Identity) map[string]any{
		"symmetric key": func(id *devwire.Identity) map[string]any {
			id.Key = []byte("a key of thirty-two bytes, or so")
			return map[string]any{"type": "symmetricKey", "symmetricKey": map[string]any{"primaryKey": id.Key, "secondaryKey": id.Key}}
		},
		"x509": func(id *devwire.Identity) map[string]any {
			certificate, err := pki.SelfSigned(id.RegistrationID, pki.Options{Now: clock.System().Now()})
			if err != nil {
				t.Fatal(err)
			}
			id.Certificate = &certificate
			return map[string]any{"type": "x509", "x509": map[string]any{"clientCertificates": map[string]any{
				"primary": map[string]any{"certificate": base64.StdEncoding.EncodeToString(certificate.Certificate[0])},
			}}}
		},
		"tpm": func(id *devwire.Identity) map[string]any {
			id.TPM = module
			return map[string]any{"type": "tpm", "tpm": map[string]any{"endorsementKey": base64.StdEncoding.EncodeToString(ek)}}
		},
	}
}

func enroll(t *testing.T, lab *running, id devwire.Identity, attestation map[string]any) {
	t.Helper()
	answer, err := lab.service(t).PutEnrollment(t.Context(), map[string]any{"registrationId": id.RegistrationID, "attestation": attestation})
	if err != nil || answer.Status != 200 {
		t.Fatalf("%s not enrolled: %v %v", id.RegistrationID, answer, err)
	}
}

// A device of every SDK's style, by every credential, is assigned over AMQP.
func TestEveryStyleOfDeviceOverAMQP(t *testing.T) {
	lab := up(t).open(t)
	for name, credential := range credentials(t) {
		for _, over := range overAMQP {
			for _, style := range append(devwire.AMQPStyles(), devwire.AMQPStyle{}) {
				t.Run(fmt.Sprint(name, " ", over, " ", style), func(t *testing.T) {
					id := devwire.Identity{
						Scope: lab.target.DPS.IDScope, AMQP: style,
						RegistrationID: strings.NewReplacer(" ", "-", "#", "s").Replace(fmt.Sprint(name, "-", over, "-", style)),
					}
					enroll(t, lab, id, credential(&id))
					device, err := lab.wire.Device(t.Context(), over, lab.target.Device(), id)
					if err != nil {
						t.Fatal(err)
					}
					defer device.Close()
					a, err := lab.wire.Provision(t.Context(), device, []byte(`{"a":1}`))
					if err != nil || a.Status != dps.StatusAssigned || a.State.DeviceID != id.RegistrationID {
						t.Fatalf("%s, %v", a, err)
					}
				})
			}
		}
	}
}

// What a service refuses over AMQP is told apart on the client's side.
func TestRefusalsOverAMQP(t *testing.T) {
	lab := up(t).open(t)
	enrolled := devwire.Identity{Scope: lab.target.DPS.IDScope, RegistrationID: "dev-01"}
	enroll(t, lab, enrolled, credentials(t)["symmetric key"](&enrolled))
	for _, over := range overAMQP {
		wrong := enrolled
		wrong.Key = []byte("another key")
		_, err := lab.wire.Device(t.Context(), over, lab.target.Device(), wrong)
		var sasl *devwire.SASLRefused
		if !errors.As(err, &sasl) || sasl.Code != 1 {
			t.Errorf("%s: a wrong key: %v", over, err)
		}
		device, err := lab.wire.Device(t.Context(), over, lab.target.Device(), enrolled)
		if err != nil {
			t.Fatal(err)
		}
		a, err := device.Poll(t.Context(), "5.0000000000000000.00000000-0000-4000-8000-000000000000")
		if err != nil || a.Code != 404 || a.Condition != "amqp:not-found" || a.Error.ErrorCode != 404203 {
			t.Errorf("%s: an operation that is none: %s, %v", over, a, err)
		}
		device.Close()
	}
}

// A script of frames sees the order of things, and the server's transcript tells the same
// as the client's.
func TestARegistrationFrameByFrame(t *testing.T) {
	lab := up(t).open(t)
	id := devwire.Identity{Scope: lab.target.DPS.IDScope, RegistrationID: "dev-01"}
	enroll(t, lab, id, credentials(t)["symmetric key"](&id))
	for _, over := range overAMQP {
		conn, err := lab.wire.AMQP(t.Context(), over, lab.target.Device(), devwire.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := errors.Join(conn.Login(t.Context(), id), conn.Attach(t.Context(), lab.target.Device(), id)); err != nil {
			t.Fatal(err)
		}
		ask := func(n int, m amqpframe.Message) (devwire.Answer, any) {
			transfer, err := devwire.AMQPTransfer(n, m)
			if err == nil {
				err = conn.Send(transfer)
			}
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := conn.Expect(t.Context(), "disposition")
			if err != nil || outcome.Body.Inner("state").Name() != "accepted" {
				t.Fatalf("%s, %v", outcome, err)
			}
			answer, err := conn.Delivery(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			a, err := devwire.ParseAMQPAnswer(answer.Message)
			if err != nil {
				t.Error(err)
			}
			return a, answer.Message.Property("correlation-id")
		}
		m, err := devwire.AMQPRegister(id, nil)
		if err != nil {
			t.Fatal(err)
		}
		first, _ := ask(0, m)
		if first.Code != 202 || first.Status != dps.StatusAssigning {
			t.Fatalf("%s", first)
		}
		for n, correlation := range []any{"text", amqpframe.UUID{1, 2}, uint64(1 << 40), []byte{0, 1}, nil} {
			if m, err = devwire.AMQPPoll(id, first.OperationID); err != nil {
				t.Fatal(err)
			}
			m[0].Set("correlation-id", correlation)
			if a, echo := ask(n+1, m); !reflect.DeepEqual(echo, correlation) || a.OperationID != first.OperationID {
				t.Errorf("%v came back as %v, with %s", correlation, echo, a)
			}
		}
	}
	var told []string
	for _, e := range lab.wire.Log.Events(transcript.Filter{Registration: "dev-01"}) {
		if e.Kind == transcript.KindGarbage {
			t.Errorf("not decoded: %s", e.Summary)
		}
		told = append(told, e.Summary+" "+e.Body)
	}
	for _, want := range []string{"sasl-init PLAIN", "sasl-outcome code=0", "attach ch=0", `{"registrationId":"dev-01"}`, `"status":"assigning"`, "state=accepted"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("the transcript does not tell %q", want)
		}
	}
}
