package mqttserver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mochi-mqtt/server/v2/packets"
)

// level is the protocol level of MQTT 3.1.1.
const level = 4

// decodeConnect decodes a CONNECT of level 4. The codec's own validation is not used: it
// refuses an empty password and a will without payload, which MQTT 3.1.1 allows.
func decodeConnect(pk *packets.Packet, body []byte) error {
	if len(body) < 2 {
		return packets.ErrMalformedProtocolName
	}
	length := int(binary.BigEndian.Uint16(body))
	if len(body) < 2+length+1 {
		return packets.ErrMalformedProtocolName
	}
	switch name := body[2 : 2+length]; {
	case bytes.Equal(name, []byte("MQTT")) && body[2+length] != level,
		bytes.Equal(name, []byte("MQIsdp")): // MQTT 3.1
		return errLevel
	case !bytes.Equal(name, []byte("MQTT")): // [MQTT-3.1.2-1]
		return packets.ErrProtocolViolationProtocolName
	}
	if err := pk.ConnectDecode(body); err != nil {
		return err
	}
	c := &pk.Connect
	switch {
	case pk.ReservedBit != 0: // [MQTT-3.1.2-3]
		return packets.ErrProtocolViolationReservedBit
	case c.WillFlag && c.WillTopic == "":
		return packets.ErrMalformedWillTopic
	case c.WillQos > 2: // [MQTT-3.1.2-14]
		return packets.ErrProtocolViolationQosOutOfRange
	case !c.WillFlag && (c.WillRetain || c.WillQos != 0): // [MQTT-3.1.2-13] [MQTT-3.1.2-15]
		return packets.ErrProtocolViolationWillFlagSurplusRetain
	case c.PasswordFlag && !c.UsernameFlag: // [MQTT-3.1.2-22]
		return errors.New("a password without a user name")
	case !utf8.Valid(c.Username): // [MQTT-3.1.3-11]
		return packets.ErrMalformedUsername
	}
	return nil
}

// connectOf copies a CONNECT out of its packet, whose buffer would otherwise live, password
// and all, as long as the session.
func connectOf(pk *packets.Packet) Connect {
	c := Connect{
		ClientID:     strings.Clone(pk.Connect.ClientIdentifier),
		Username:     string(pk.Connect.Username),
		HasUsername:  pk.Connect.UsernameFlag,
		Password:     pk.Connect.Password,
		HasPassword:  pk.Connect.PasswordFlag,
		CleanSession: pk.Connect.Clean,
		KeepAlive:    time.Duration(pk.Connect.Keepalive) * time.Second,
	}
	if pk.Connect.WillFlag {
		c.Will = &Publish{
			Topic:   strings.Clone(pk.Connect.WillTopic),
			Payload: bytes.Clone(pk.Connect.WillPayload),
			QoS:     pk.Connect.WillQos,
			Retain:  pk.Connect.WillRetain,
		}
	}
	return c
}
