package amqp

// composite is a described list of fields: a performative, a section, a terminus, an
// outcome, an error.
type composite interface {
	code() uint64 // of its descriptor; all are below 256
	fields(*fields)
}

// fields goes through the fields of one composite, in the standard's order, to write them
// or to read them.
type fields struct {
	to    *encoder // nil when reading
	count int      // written, nulls among them
	nulls int      // to be written before the next field that is not null

	from *decoder
	left uint32 // to be read
}

// absent, when reading, passes over a field that is null or past the end of the list.
func (f *fields) absent() bool {
	if f.left == 0 || f.from.err != nil {
		return true
	}
	f.left--
	if len(f.from.b) > 0 && f.from.b[0] == codeNull {
		f.from.b = f.from.b[1:]
		return true
	}
	return false
}

// omit, when writing, leaves a field out, as null when another one follows.
func (f *fields) omit() { f.nulls++ }

// present, when writing, is called before a field that is not null.
func (f *fields) present() {
	f.count += f.nulls + 1
	for ; f.nulls > 0; f.nulls-- {
		f.to.b = append(f.to.b, codeNull)
	}
}

// kind knows how the values of one type are read, format code included, and written.
type kind[T any] struct {
	read  func(*decoder) T
	write func(*encoder, T)
}

// field is one that stands for absent when it is absent.
func field[T comparable](f *fields, k kind[T], p *T, absent T) {
	switch {
	case f.to == nil && f.absent():
		*p = absent
	case f.to == nil:
		*p = k.read(f.from)
	case *p == absent:
		f.omit()
	default:
		f.present()
		k.write(f.to, *p)
	}
}

// option is one that may be absent and has no default.
func option[T any](f *fields, k kind[T], p *Opt[T]) {
	switch {
	case f.to == nil && f.absent():
		*p = Opt[T]{}
	case f.to == nil:
		*p = Some(k.read(f.from))
	case !p.Set:
		f.omit()
	default:
		f.present()
		k.write(f.to, p.V)
	}
}

// nilable is one whose Go value is nil when it is absent.
func nilable[T ~[]E, E any](f *fields, k kind[T], p *T) {
	switch {
	case f.to == nil && f.absent():
		*p = nil
	case f.to == nil:
		*p = k.read(f.from)
	case *p == nil:
		f.omit()
	default:
		f.present()
		k.write(f.to, *p)
	}
}

// must is one that is mandatory.
func must[T any](f *fields, k kind[T], p *T) {
	switch {
	case f.to != nil:
		f.present()
		k.write(f.to, *p)
	case f.absent():
		f.from.fail("a mandatory field is missing")
	default:
		*p = k.read(f.from)
	}
}

// part is one that is a composite of its own; nil when absent.
func part[T any, P interface {
	*T
	composite
}](f *fields, p *P) {
	switch {
	case f.to == nil && f.absent():
		*p = nil
	case f.to == nil:
		*p = new(T)
		f.from.composite(*p)
	case *p == nil:
		f.omit()
	default:
		f.present()
		f.to.composite(*p)
	}
}

func (e *encoder) composite(c composite) {
	e.b = append(e.b, codeDescribed, codeSmallUlng, byte(c.code()))
	f := fields{to: e}
	start := e.begin(codeList8)
	if c.fields(&f); f.count == 0 {
		e.b = append(e.b[:start], codeList0)
		return
	}
	e.end(start, f.count)
}

// composite reads c with its descriptor.
func (d *decoder) composite(c composite) {
	d.described(d.descriptor(), c)
}

// described reads c behind its descriptor, which was read.
func (d *decoder) described(code uint64, c composite) {
	if d.err == nil && code != c.code() {
		d.fail("%s where %s is wanted", name(code), name(c.code()))
	}
	d.list(c)
}

// list reads the fields of c, which follow its descriptor.
func (d *decoder) list(c composite) {
	code := d.byte()
	var f fields
	switch code {
	case codeList0:
		f.from = &decoder{err: d.err, values: d.values}
	case codeList8, codeList32:
		f.from, f.left = d.part(code)
	default:
		d.fail("format code %#02x is no list", code)
		f.from = &decoder{err: d.err}
	}
	if f.from.descend() {
		c.fields(&f)
	}
	if f.left > 0 {
		f.from.fail("%d fields too many", f.left)
	}
	if d.err == nil && f.from.err != nil {
		f.from.err = malformed("%s: %s", name(c.code()), f.from.err.Description)
	}
	d.finish(f.from)
}
