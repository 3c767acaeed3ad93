package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/swtpm"
	"github.com/dpslab/dpslab/simulator/tpm"
)

// A device with a TPM, whole or emulated, is challenged over each transport, registers, and
// opens its hub by a key that was never outside of the TPM: what the service wraps is what
// a TPM by another hand unwraps.
func TestDevicesWithATPM(t *testing.T) {
	lab := up(t).open(t)
	for kind, device := range map[string]func(t *testing.T) devwire.TPM{
		"emulated": func(*testing.T) devwire.TPM { return tpm.New([]byte("a device's seed")) },
		"swtpm":    wholeTPM,
	} {
		t.Run(kind, func(t *testing.T) {
			module := device(t)
			for _, over := range []dps.Transport{dps.HTTPS, dps.AMQP, dps.AMQPWebSocket} {
				ek, err := module.EndorsementKey()
				if err != nil {
					t.Fatal(err)
				}
				id := devwire.Identity{Scope: lab.target.DPS.IDScope, RegistrationID: kind + "-" + over.String(), TPM: module}
				answer, err := lab.service(t).PutEnrollment(t.Context(), map[string]any{
					"registrationId": id.RegistrationID,
					"attestation":    map[string]any{"type": "tpm", "tpm": map[string]any{"endorsementKey": base64.StdEncoding.EncodeToString(ek)}},
				})
				if err != nil || answer.Status != 200 {
					t.Fatalf("not enrolled: %v %v", answer, err)
				}
				conn, err := lab.wire.Device(t.Context(), over, lab.target.Device(), id)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				assigned, err := lab.wire.Provision(t.Context(), conn, nil)
				if err != nil || assigned.Status != dps.StatusAssigned {
					t.Fatalf("%s, %v", assigned, err)
				}
				blob, err := assigned.TPMKey()
				if err != nil || blob == nil {
					t.Fatalf("no key for the hub in %s, %v", assigned, err)
				}
				if err := module.Import(blob); err != nil {
					t.Fatal(err)
				}
				hub, err := lab.wire.HubDevice(t.Context(), dps.MQTT, lab.hub(t, assigned.State.AssignedHub),
					devwire.HubIdentity{DeviceID: assigned.State.DeviceID, TPM: module})
				if err != nil {
					t.Fatalf("the hub does not know the key: %v", err)
				}
				if err := hub.SendTelemetry(t.Context(), []byte("a key in a TPM signed for this"), nil); err != nil {
					t.Errorf("over %s: %v", over, err)
				}
				hub.Close()
			}
		})
	}
}

// A person enrolls a TPM and is its device, with the commands that the help shows.
func TestATPMByHand(t *testing.T) {
	lab := up(t).open(t)
	printed := lab.dpslab(t, "tpm", "gate-01")
	if printed.code != exitPassed || !strings.HasPrefix(printed.stdout.String(), "AToAAQAL") {
		t.Fatalf("%s", printed)
	}
	file := filepath.Join(t.TempDir(), "gate-01.ek")
	if err := os.WriteFile(file, []byte(printed.stdout.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule, says string
		code       int
		args       []string
	}{
		{"enrolled", "individual gate-01 is enrolled", exitPassed, []string{"enroll", "individual", "gate-01", "--endorsement-key", file}},
		{"over https", "1 of 1", exitPassed, []string{"device", "gate-01", "--tpm", "emulated"}},
		{"over amqp", "1 of 1", exitPassed, []string{"device", "GATE-01", "--tpm", "emulated", "--transport", "amqp"}},
		{"over amqp-ws", "1 of 1", exitPassed, []string{"device", "gate-01", "--tpm", "emulated", "--transport", "amqp-ws"}},
		{"over mqtt", "MQTT has no way for it", exitUntestable, []string{"device", "gate-01", "--tpm", "emulated", "--transport", "mqtt"}},
		{"another id", "404201", exitWrong, []string{"device", "gate-02", "--tpm", "emulated"}},
		{"no such TPM", "--tpm unix:/nowhere", exitUntestable, []string{"device", "gate-01", "--tpm", "unix:/nowhere"}},
		{"no key", "`dpslab tpm` prints one", exitUntestable, []string{"enroll", "individual", "gate-03", "--endorsement-key", os.DevNull}},
	} {
		p := lab.dpslab(t, c.args...)
		if p.code != c.code || !strings.Contains(p.stdout.String()+p.stderr.String(), c.says) {
			t.Errorf("%s: want %d and %q: %s", c.rule, c.code, c.says, p)
		}
	}
}

// hub is where a hub of the lab answers.
func (r *running) hub(t testing.TB, host string) devwire.Endpoint {
	t.Helper()
	for _, h := range r.target.Hubs {
		if h.Host == host {
			return r.target.Endpoint(h)
		}
	}
	t.Fatalf("the lab has no hub %q", host)
	return devwire.Endpoint{}
}

// wholeTPM is one that is not emulated.
func wholeTPM(t *testing.T) devwire.TPM {
	t.Helper()
	module, err := tpm.Open(swtpm.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { module.Close() })
	return module
}
