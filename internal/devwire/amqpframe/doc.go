// Package amqpframe writes and reads AMQP 1.0 frames field by field, for whoever has to
// say exactly what goes over the wire: checks, and the parts of a device for which no
// library speaks. It is a codec and nothing else; it knows no state and sends nothing.
//
// AMQP's types are Go types, the same in both directions:
//
//	null, boolean        nil, bool
//	ubyte to ulong       uint8, uint16, uint32, uint64
//	byte to long         int8, int16, int32, int64
//	float, double        float32, float64
//	decimal32 to 128     Decimal
//	char, timestamp      Char, Timestamp
//	uuid                 UUID
//	binary               []byte
//	string, symbol       string, Symbol
//	list, map, array     List, Map, Array
//	a described type     *Described
//
// Everything that AMQP composes, from the open performative to a message's properties, is
// a *Described that New makes from its fields' names. A plain Go int or string becomes the
// type of the field it is put in; every other value goes out as the type it is, right or
// wrong. Wide and Raw choose the bytes where that matters.
//
//	open := amqpframe.New("open", amqpframe.Fields{"container-id": "dev-01", "max-frame-size": 512})
//	frame := amqpframe.On(0, open)
//
// The section numbers are those of the OASIS standard of 29 October 2012: 1 types, 2
// transport, 3 messaging, 5 security.
package amqpframe
