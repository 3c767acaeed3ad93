// Package wire gives names to the client half of the wire, as the packages harness, sut and
// simulator/device hand it out: what a device says, what it hears, and how it connects. A
// check of one's own needs them to lie about an identity or to send a request that no
// client would:
//
//	device.With(func(id *wire.Identity) { id.Scope = "0ne00000000" })
//	device.Do(ctx, t, wire.HTTPRequest{Method: "GET", Path: "/" + device.Scope})
//
// Everything is an alias: the types keep their methods.
package wire

import (
	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/pki"
)

// Connections.
type (
	Wire        = devwire.Wire // shared by a run: trust, clock, recording
	Endpoint    = devwire.Endpoint
	DialOptions = devwire.DialOptions
	Timeouts    = devwire.Timeouts
	Conn        = devwire.Conn // TLS, recorded
	Clock       = clock.Clock
	Timer       = clock.Timer
)

// Requests and answers.
type (
	HTTPClient       = devwire.HTTPClient
	HTTPRequest      = devwire.HTTPRequest
	HTTPResponse     = devwire.HTTPResponse
	PacketConn       = devwire.PacketConn // MQTT packet by packet
	RawWebSocket     = devwire.RawWebSocket
	WebSocketMessage = devwire.WebSocketMessage
	Malformed        = devwire.Malformed      // an answer of another shape than documented
	NotSent          = devwire.NotSent        // a mistake of the caller
	ConnectRefused   = devwire.ConnectRefused // a CONNACK other than 0
)

// A device at the provisioning service.
type (
	Identity      = devwire.Identity
	SAS           = devwire.SAS // a token in any spelling
	Device        = devwire.Device
	MQTTDevice    = devwire.MQTTDevice
	Answer        = devwire.Answer
	State         = devwire.State
	ErrorDocument = devwire.ErrorDocument
)

// AMQP, and what SDKs spell differently over it.
type (
	AMQPDevice       = devwire.AMQPDevice
	AMQPConn         = devwire.AMQPConn // frame by frame
	AMQPDelivery     = devwire.AMQPDelivery
	AMQPError        = devwire.AMQPError
	SASLLogin        = devwire.SASLLogin
	SASLRefused      = devwire.SASLRefused
	AMQPStyle        = devwire.AMQPStyle
	AMQPAddress      = devwire.AMQPAddress
	AMQPCorrelation  = devwire.AMQPCorrelation
	AMQPTag          = devwire.AMQPTag
	AMQPRegisterBody = devwire.AMQPRegisterBody
	AMQPPollBody     = devwire.AMQPPollBody
)

// AMQPStyles are the styles of the SDKs.
func AMQPStyles() []AMQPStyle { return devwire.AMQPStyles() }

// TPM is the chip of a device that proves itself by one.
type TPM = devwire.TPM

// What a Wire counts and measures, for who asks it to.
type (
	Meter         = devwire.Meter
	Operation     = devwire.Operation
	OperationKind = devwire.OperationKind
)

// A device at its hub.
type (
	HubIdentity = devwire.HubIdentity
	HubDevice   = devwire.HubDevice

	AMQPHubDevice = devwire.AMQPHubDevice
	HubAMQPStyle  = devwire.HubAMQPStyle
	HubError      = devwire.HubError
	Twin          = devwire.Twin
)

// Whoever administers the service and the hubs.
type (
	ServiceClient    = devwire.ServiceClient
	HubServiceClient = devwire.HubServiceClient
	ServiceRequest   = devwire.ServiceRequest
)

// Certificates.
type (
	Authority          = pki.Authority
	CertificateOptions = pki.Options
	NameConstraints    = pki.NameConstraints
)

// Transport is one of the ways a device reaches the service.
type Transport = dps.Transport

const (
	TransportNone = dps.TransportNone // the service API, or anything without a device's transport
	HTTPS         = dps.HTTPS
	MQTT          = dps.MQTT
	MQTTWebSocket = dps.MQTTWebSocket
	AMQP          = dps.AMQP
	AMQPWebSocket = dps.AMQPWebSocket
)

// Status is the state of a registration, and Substatus how it came to its hub.
type (
	Status    = dps.Status
	Substatus = dps.Substatus
)

const (
	StatusUnknown    = dps.StatusUnknown
	StatusUnassigned = dps.StatusUnassigned
	StatusAssigning  = dps.StatusAssigning
	StatusAssigned   = dps.StatusAssigned
	StatusFailed     = dps.StatusFailed
	StatusDisabled   = dps.StatusDisabled

	SubstatusNone                             = dps.SubstatusNone
	SubstatusInitialAssignment                = dps.SubstatusInitialAssignment
	SubstatusDeviceDataMigrated               = dps.SubstatusDeviceDataMigrated
	SubstatusDeviceDataReset                  = dps.SubstatusDeviceDataReset
	SubstatusReprovisionedToInitialAssignment = dps.SubstatusReprovisionedToInitialAssignment
)

// Policy decides which hub a device is assigned to: for harness.WithAllocation.
type Policy = dps.Policy

const (
	PolicyUnset      = dps.PolicyUnset
	PolicyHashed     = dps.PolicyHashed
	PolicyGeoLatency = dps.PolicyGeoLatency
	PolicyStatic     = dps.PolicyStatic
	PolicyCustom     = dps.PolicyCustom
)
