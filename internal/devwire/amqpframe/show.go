package amqpframe

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dpslab/dpslab/internal/transcript"
)

// String tells the frame on one line, without the secrets that it may hold: what SASL
// answers, tokens, and signatures anywhere in it.
func (f Frame) String() string {
	switch {
	case f.Header != nil:
		return f.Header.String()
	case f.Body == nil:
		return fmt.Sprintf("empty frame on %d", f.Channel)
	}
	text := f.Body.String()
	if f.Type == TypeAMQP {
		text = fmt.Sprintf("[%d] %s", f.Channel, text)
	}
	if len(f.Payload) > 0 {
		text += fmt.Sprintf(" and %d bytes", len(f.Payload))
	}
	return text
}

func (h Header) String() string {
	return fmt.Sprintf("header %q %d %d.%d.%d", string(h[:4]), h[4], h[5], h[6], h[7])
}

func (d *Described) String() string {
	if d == nil {
		return "nothing"
	}
	var b strings.Builder
	d.write(&b)
	return transcript.RedactText(b.String())
}

func (m Message) String() string {
	var sections []string
	for _, s := range m {
		sections = append(sections, s.String())
	}
	return strings.Join(sections, " ")
}

// hidden stands for what is never shown.
const hidden = "(hidden)"

// secretFields are hidden whatever they hold.
var secretFields = map[string]bool{"initial-response": true, "response": true, "challenge": true}

func (d *Described) write(b *strings.Builder) {
	l := d.layout()
	if l == nil {
		show(b, d.Descriptor)
		b.WriteString("@")
		show(b, d.Value)
		return
	}
	b.WriteString(l.name)
	values, isList := d.Value.(List)
	switch {
	case l.name == "data":
		data, _ := d.Value.([]byte)
		fmt.Fprintf(b, " %q", transcript.RedactJSON(data))
	case isList && l.fields != nil:
		writeFields(b, l, values)
	case isList && l.source == "list" && len(values) == 0:
	default:
		b.WriteString(" ")
		show(b, d.Value)
	}
}

func writeFields(b *strings.Builder, l *layout, values List) {
	for i, v := range values {
		if v == nil {
			continue
		}
		name := strconv.Itoa(i)
		if i < len(l.fields) {
			name = l.fields[i].name
		}
		b.WriteString(" " + name + "=")
		if secretFields[name] {
			b.WriteString(hidden)
		} else {
			show(b, v)
		}
	}
}

func show(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case *Described:
		b.WriteString("{")
		v.write(b)
		b.WriteString("}")
	case List:
		showAll(b, "[", v, "]")
	case Array:
		showAll(b, "array[", v, "]")
	case Map:
		showMap(b, v)
	case []byte:
		fmt.Fprintf(b, "binary(%d)", len(v))
	case Raw:
		fmt.Fprintf(b, "raw(%d)", len(v))
	case string:
		fmt.Fprintf(b, "%q", transcript.RedactText(v))
	case Symbol:
		fmt.Fprintf(b, "%q", transcript.RedactText(string(v)))
	case failure:
		b.WriteString(v.err.Error())
	case Wide:
		show(b, v.Value)
	default:
		fmt.Fprintf(b, "%T(%v)", v, v)
	}
}

func showAll(b *strings.Builder, begin string, items []any, end string) {
	b.WriteString(begin)
	for i, item := range items {
		if i > 0 {
			b.WriteString(" ")
		}
		show(b, item)
	}
	b.WriteString(end)
}

func showMap(b *strings.Builder, m Map) {
	b.WriteString("{")
	for i, p := range m {
		if i > 0 {
			b.WriteString(" ")
		}
		show(b, p.Key)
		b.WriteString(":")
		show(b, p.Value)
	}
	b.WriteString("}")
}

// Every verb, and gomega, print a frame as String does.

func (f Frame) Format(s fmt.State, _ rune)      { io.WriteString(s, f.String()) }
func (d *Described) Format(s fmt.State, _ rune) { io.WriteString(s, d.String()) }
func (m Message) Format(s fmt.State, _ rune)    { io.WriteString(s, m.String()) }

func (f Frame) GomegaString() string      { return f.String() }
func (d *Described) GomegaString() string { return d.String() }
func (m Message) GomegaString() string    { return m.String() }
