// Package dps is the vocabulary of the Device Provisioning Service: the words that
// both halves of dpslab speak about registrations, attestation and allocation.
//
// The values are enumerations, never wire strings. Each half writes the wire strings
// down for itself, so that a suite cannot agree with the mistakes of the reference;
// golden vectors in internal/vectors pin both.
package dps

// Status is the state of a registration (device-api.md 1.5).
type Status uint8

const (
	StatusUnknown Status = iota // a word that this vocabulary does not know
	StatusUnassigned
	StatusAssigning
	StatusAssigned
	StatusFailed
	StatusDisabled
)

func (s Status) String() string {
	return [...]string{"unknown", "unassigned", "assigning", "assigned", "failed", "disabled"}[s]
}

// Terminal reports whether a poll that answers s is the last one.
func (s Status) Terminal() bool {
	return s == StatusAssigned || s == StatusFailed || s == StatusDisabled
}

// Substatus says how an assigned registration came to its hub (service-api.md 2.7).
type Substatus uint8

const (
	SubstatusNone Substatus = iota
	SubstatusInitialAssignment
	SubstatusDeviceDataMigrated
	SubstatusDeviceDataReset
	SubstatusReprovisionedToInitialAssignment
)

func (s Substatus) String() string {
	return [...]string{"none", "initial assignment", "device data migrated", "device data reset",
		"reprovisioned to initial assignment"}[s]
}

// Attestation is the way a device proves who it is (service-api.md 2.3).
type Attestation uint8

const (
	AttestationNone Attestation = iota
	AttestationTPM
	AttestationX509
	AttestationSymmetricKey
)

func (a Attestation) String() string {
	return [...]string{"none", "tpm", "x509", "symmetric key"}[a]
}

// Policy decides which linked hub a device is assigned to (service-api.md 4.2).
type Policy uint8

const (
	PolicyUnset Policy = iota // an enrollment without one follows the service's
	PolicyHashed
	PolicyGeoLatency
	PolicyStatic
	PolicyCustom
)

func (p Policy) String() string {
	return [...]string{"unset", "hashed", "geo latency", "static", "custom"}[p]
}

// Transport is one of the five ways a device reaches the service.
type Transport uint8

const (
	TransportNone Transport = iota // the service API, or anything without a device transport
	HTTPS
	MQTT
	MQTTWebSocket
	AMQP
	AMQPWebSocket
)

func (t Transport) String() string {
	return [...]string{"none", "https", "mqtt", "mqtt-ws", "amqp", "amqp-ws"}[t]
}
