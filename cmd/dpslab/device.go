package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
	"github.com/dpslab/dpslab/simulator/device"
)

// transports are the words of --transport.
var transports = map[string]dps.Transport{
	"https": dps.HTTPS, "mqtt": dps.MQTT, "mqtt-ws": dps.MQTTWebSocket, "amqp": dps.AMQP, "amqp-ws": dps.AMQPWebSocket,
}

func newDevice() *cobra.Command {
	var target targetFlags
	var proof proofFlags
	var transport, payload string
	var plan device.Plan
	cmd := &cobra.Command{
		Use:   "device REGISTRATION-ID",
		Short: "Be one device: register, connect to the hub it is given, send telemetry",
		Example: `  dpslab device dev-01 --from-group line-a               asks the service for the group's key
  dpslab device meter-01 --issuer ./plant --transport mqtt-ws -n 5
  dpslab device gate-01 --tpm emulated --transport amqp`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			over, ok := transports[transport]
			if !ok {
				return fmt.Errorf("--transport %q is none of https, mqtt, mqtt-ws, amqp, amqp-ws", transport)
			}
			if payload != "" && !json.Valid([]byte(payload)) {
				return fmt.Errorf(`--payload %q is not JSON; try '{"modelId":"dtmi:demo:thing;1"}'`, payload)
			}
			t, wire, err := target.load()
			if err != nil {
				return err
			}
			id := devwire.Identity{Scope: t.DPS.IDScope, RegistrationID: args[0]}
			if err := proof.prove(cmd.Context(), &target, &id); err != nil {
				return err
			}
			if module, ok := id.TPM.(io.Closer); ok {
				defer module.Close()
			}
			if id.TPM != nil && (over == dps.MQTT || over == dps.MQTTWebSocket) {
				return errors.New("a device registers with a TPM over https, amqp and amqp-ws; MQTT has no way for it")
			}
			if payload != "" {
				plan.Payload = json.RawMessage(payload)
			}
			plan.ReadTwin = true
			plan.Methods = func(name string, payload json.RawMessage) (int, any) {
				return http.StatusOK, map[string]any{"method": name, "payload": payload}
			}
			d := device.New(&device.OverWire{
				Wire: wire, Transport: over, Endpoint: t.Device(), Identity: id,
				HubTransport: hubTransport(over),
				HubEndpoint:  func(host string) (devwire.Endpoint, error) { return hubEndpoint(t, host), nil },
			}, clock.System(), plan, teller(cmd))
			outcome := d.Run(cmd.Context())
			if outcome.Err == nil {
				return nil
			}
			if refused(outcome.Err) {
				return &exit{exitWrong, outcome.Err}
			}
			return outcome.Err
		},
	}
	target.add(cmd.Flags())
	proof.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&transport, "transport", "https", "https, mqtt, mqtt-ws, amqp or amqp-ws")
	flags.StringVar(&payload, "payload", "", "payload of the registration, JSON")
	flags.IntVarP(&plan.Telemetry, "messages", "n", 1, "how many messages it sends to its hub")
	flags.DurationVar(&plan.Interval, "interval", time.Second, "time between messages")
	flags.DurationVar(&plan.Stay, "stay", 0, "how long it stays connected afterwards, answering direct methods")
	flags.DurationVar(&plan.Patience, "patience", time.Minute, "how long it goes on trying")
	return cmd
}

// refused tells a service or hub that said no from one that could not be asked.
func refused(err error) bool {
	var notAssigned *device.NotAssigned
	var connect *devwire.ConnectRefused
	var subscribe *devwire.SubscribeRefused
	var upgrade *devwire.UpgradeRefused
	var login *devwire.SASLRefused
	var link *devwire.AMQPError
	return errors.As(err, &notAssigned) || errors.As(err, &connect) || errors.As(err, &subscribe) || errors.As(err, &upgrade) ||
		errors.As(err, &login) || errors.As(err, &link)
}

// hubTransport is the one that registration used: another port may be closed to the device.
// HTTPS has no methods and no desired properties, so there it is MQTT.
func hubTransport(t dps.Transport) dps.Transport {
	if t == dps.HTTPS {
		return dps.MQTT
	}
	return t
}

// teller prints each step as it ends.
func teller(cmd *cobra.Command) func(device.Step) {
	return func(s device.Step) {
		detail := s.Detail
		if s.Err != nil {
			detail = s.Err.Error()
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%8.3fs  %-15s %s\n", s.Elapsed.Seconds(), s.Name, detail)
	}
}

// proofFlags say how the device proves who it is: exactly one of them is given.
type proofFlags struct {
	key, groupKey, certificate, certificateKey, issuer, fromGroup, tpm string
	fromEnrollment                                                     bool
}

func (p *proofFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&p.key, "key", "", "symmetric key, base64")
	flags.StringVar(&p.groupKey, "group-key", "", "key of an enrollment group, base64: the device derives its own")
	flags.StringVar(&p.certificate, "certificate", "", "PEM file of the device's certificate and chain")
	flags.StringVar(&p.certificateKey, "certificate-key", "", "PEM file of the certificate's key")
	flags.StringVar(&p.issuer, "issuer", "", "folder with root.pem and root-key.pem that sign a certificate for it")
	flags.StringVar(&p.tpm, "tpm", "", "its TPM: emulated, a device file such as /dev/tpmrm0, or unix:PATH of a socket")
	flags.StringVar(&p.fromGroup, "from-group", "", "ask the service for the key of this enrollment group")
	flags.BoolVar(&p.fromEnrollment, "from-enrollment", false, "ask the service for the key of its individual enrollment")
}

func (p *proofFlags) prove(ctx context.Context, target *targetFlags, id *devwire.Identity) (err error) {
	switch {
	case p.key != "":
		id.Key, err = decodeKey(p.key)
	case p.groupKey != "":
		id.Key, err = decodeKey(p.groupKey)
		id.Key = devwire.DeriveKey(id.Key, id.RegistrationID)
	case p.fromGroup != "":
		id.Key, err = target.primaryKey(ctx, devwire.GroupPath(p.fromGroup))
		id.Key = devwire.DeriveKey(id.Key, id.RegistrationID)
	case p.fromEnrollment:
		id.Key, err = target.primaryKey(ctx, devwire.EnrollmentPath(id.RegistrationID))
	case p.certificate != "":
		var c tls.Certificate
		c, err = tls.LoadX509KeyPair(p.certificate, p.certificateKey)
		id.Certificate = &c
	case p.issuer != "":
		var c tls.Certificate
		c, err = issue(p.issuer, id.RegistrationID)
		id.Certificate = &c
	case p.tpm != "":
		id.TPM, err = openTPM(p.tpm, id.RegistrationID)
	default:
		err = errors.New("how does it prove who it is? give one of --from-group, --key, --group-key, --certificate, --issuer, --tpm")
	}
	return err
}

func decodeKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, errors.New("the key is not base64")
	}
	return key, nil
}

// primaryKey asks the service for the first key of an enrollment or group.
func (f *targetFlags) primaryKey(ctx context.Context, path string) ([]byte, error) {
	answer, err := f.call(ctx, devwire.ServiceRequest{Method: http.MethodPost, Path: path + "/attestationmechanism"})
	if err != nil {
		return nil, err
	}
	mechanism, err := answer.JSON()
	if err != nil {
		return nil, err
	}
	keys, _ := mechanism["symmetricKey"].(map[string]any)
	text, _ := keys["primaryKey"].(string)
	return decodeKey(text)
}

// issue signs a certificate for a device with the root in a folder.
func issue(folder, registrationID string) (tls.Certificate, error) {
	certificate, err := os.ReadFile(filepath.Join(folder, "root.pem"))
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := os.ReadFile(filepath.Join(folder, "root-key.pem"))
	if err != nil {
		return tls.Certificate{}, err
	}
	root, err := pki.Load(certificate, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return root.Device(registrationID, pki.Options{Now: clock.System().Now()})
}
