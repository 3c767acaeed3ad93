package fleet

import (
	"errors"
	"fmt"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/simulator/identity"
)

// Spec is what a fleet is made of.
type Spec struct {
	Identities *identity.Fleet
	Size       int
	Mix        []Share
	Retry      Retry
}

// Share is a part of a fleet.
type Share struct {
	Weight       int // 1 to 1000, of the sum of all
	Attestation  Attestation
	Transport    dps.Transport // to the service
	HubTransport dps.Transport // default MQTT; any but HTTPS
	Behaviour    Behaviour
}

// Attestation is how a device proves itself, and by which kind of enrollment.
type Attestation uint8

const (
	SymmetricGroup Attestation = iota
	SymmetricIndividual
	X509Group
	X509Individual
	TPM // emulated; individual
)

func (a Attestation) String() string {
	return [...]string{"symmetric-key group", "symmetric-key", "x509 group", "x509", "tpm"}[a]
}

// Individual reports whether each device has an enrollment of its own.
func (a Attestation) Individual() bool { return a != SymmetricGroup && a != X509Group }

// Retry is how a device goes on after what may pass: no connection, 429, 5xx.
type Retry struct {
	Initial time.Duration // after the first try that failed
	Factor  float64       // by which each further pause is longer; 1 and more
	Cap     time.Duration // the longest pause; 0: none
	Jitter  float64       // 0 to 1: the part of a pause that is left to chance
	// HonourRetryAfter waits at least what the service asks for.
	HonourRetryAfter bool
	// GiveUpAfter is how long a device tries to be assigned, and then to come to its hub; 0
	// is half an hour.
	GiveUpAfter time.Duration
	// Reprovision is after how many tries at the hub in a row it asks the service again; 0
	// never.
	Reprovision int
}

// Behaviour is what a device does once it is assigned.
type Behaviour struct {
	Payload   []byte // of its registration, JSON; nil sends none
	Telemetry Telemetry
	Twin      bool          // reads its twin, and reports
	Methods   bool          // answers direct methods
	Stay      time.Duration // how long it lives on from its first assignment

	// Every so long from its last assignment; 0 never.
	Reregister time.Duration // disconnects and registers anew
	Reboot     time.Duration // is without power for Dark, and begins from power-on

	Dark     time.Duration
	Rollover time.Duration // once, so long after its first assignment: its second key or certificate from then on; 0 never
}

// Telemetry is what a device sends.
type Telemetry struct {
	Count    int           // messages in all; 0 with an Interval: as long as it stays
	Interval time.Duration // between two, or between two on average
	Poisson  bool          // the gaps are exponential around Interval
	// MinSize and MaxSize bound the payload in bytes, evenly spread. 0: what fits the count.
	MinSize, MaxSize int
}

// maxSize is what a hub takes as one message (iot-hub.md 7.1).
const maxSize = 256 << 10

// Validate tells what no fleet can be made of.
func (s Spec) Validate() error {
	if s.Identities == nil {
		return errors.New("a fleet without identities")
	}
	if err := s.Identities.Validate(); err != nil {
		return err
	}
	if s.Size < 1 || s.Size > 999_999 {
		return fmt.Errorf("%d devices; a fleet has 1 to 999999", s.Size)
	}
	if len(s.Mix) == 0 {
		return errors.New("a fleet without a mix: say what its devices are")
	}
	for i, share := range s.Mix {
		if err := share.validate(); err != nil {
			return fmt.Errorf("share %d of the mix: %w", i+1, err)
		}
	}
	return s.Retry.validate()
}

func (s Share) validate() error {
	b := s.Behaviour
	switch {
	case s.Weight < 1 || s.Weight > 1000:
		return fmt.Errorf("weight %d is not within 1 to 1000", s.Weight)
	case s.Transport == dps.TransportNone:
		return errors.New("no transport")
	case s.HubTransport == dps.HTTPS:
		return errors.New("a device connects to its hub over MQTT or AMQP")
	case s.Attestation == TPM && (s.Transport == dps.MQTT || s.Transport == dps.MQTTWebSocket):
		return errors.New("a TPM's challenge needs HTTPS or AMQP") // device-api.md 4
	case b.Stay == 0 && (b.Reregister > 0 || b.Reboot > 0 || b.Rollover > 0):
		return errors.New("a device that does not stay can neither register anew, reboot nor change its key")
	case s.Attestation == TPM && b.Rollover > 0:
		return errors.New("a TPM has one endorsement key; it cannot be rolled over")
	case b.Telemetry.Count > 0 && b.Telemetry.Poisson && b.Telemetry.Interval == 0:
		return errors.New("gaps around an interval need one")
	case b.Telemetry.MinSize < 0 || b.Telemetry.MaxSize < b.Telemetry.MinSize || b.Telemetry.MaxSize > maxSize:
		return fmt.Errorf("messages of %d to %d bytes; a hub takes up to %d", b.Telemetry.MinSize, b.Telemetry.MaxSize, maxSize)
	}
	return nil
}

func (r Retry) validate() error {
	switch {
	case r.Initial < 0 || r.Cap < 0 || r.GiveUpAfter < 0 || r.Reprovision < 0:
		return errors.New("retry: no pause and no count is below zero")
	case r.Factor != 0 && r.Factor < 1:
		return fmt.Errorf("retry: factor %g makes pauses shorter; give 1 or more", r.Factor)
	case r.Jitter < 0 || r.Jitter > 1:
		return fmt.Errorf("retry: jitter %g is not within 0 to 1", r.Jitter)
	}
	return nil
}
