// Package amqp is the AMQP 1.0 codec of the server half, written from the OASIS standard:
// types (part 1), frames and performatives (part 2), message sections (part 3) and the
// frames of SASL (part 5). It reads and writes bytes and keeps no state; the engine that
// speaks with them is internal/amqpserver.
//
// What is read is bounded before anything is allocated: a frame by the maximum its reader
// is given, a value by a depth and a number of values. Nothing is read by reflection and
// nothing panics. A violation of the standard is an *Error with the condition that the
// standard wants for it.
//
// What is written takes the shortest encoding there is, and leaves out fields that hold
// their default.
//
// A composite type (a performative, a section, a terminus) lists its fields once, in the
// order of the standard, and the same list reads and writes it.
package amqp
