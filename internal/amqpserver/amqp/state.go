package amqp

// State is the state of a delivery: *Received, an outcome (*Accepted, *Rejected, *Released,
// *Modified), or an extension as *Described (OASIS part 3, 3.4).
type State interface{ state() }

// Received is how far a delivery has come.
type Received struct {
	SectionNumber uint32
	SectionOffset uint64
}

// Accepted means processed.
type Accepted struct{}

// Rejected means invalid.
type Rejected struct{ Error *Error }

// Released means neither processed nor going to be.
type Released struct{}

// Modified means not processed, with a hint for the next try.
type Modified struct {
	DeliveryFailed     bool // it counts as a try
	UndeliverableHere  bool
	MessageAnnotations Map
}

func (*Received) state()  {}
func (*Accepted) state()  {}
func (*Rejected) state()  {}
func (*Released) state()  {}
func (*Modified) state()  {}
func (*Described) state() {}

// IsOutcome reports whether a state is an outcome: the last that a delivery has.
func IsOutcome(s State) bool {
	switch s.(type) {
	case *Accepted, *Rejected, *Released, *Modified:
		return true
	}
	return false
}

func (*Received) code() uint64 { return 0x23 }
func (*Accepted) code() uint64 { return 0x24 }
func (*Rejected) code() uint64 { return 0x25 }
func (*Released) code() uint64 { return 0x26 }
func (*Modified) code() uint64 { return 0x27 }

func (r *Received) fields(f *fields) {
	must(f, uints, &r.SectionNumber)
	must(f, ulongs, &r.SectionOffset)
}

func (*Accepted) fields(*fields) {}

func (r *Rejected) fields(f *fields) { part(f, &r.Error) }

func (*Released) fields(*fields) {}

func (m *Modified) fields(f *fields) {
	field(f, flags, &m.DeliveryFailed, false)
	field(f, flags, &m.UndeliverableHere, false)
	nilable(f, maps, &m.MessageAnnotations)
}

// state is a field that holds a State, which its descriptor tells apart.
func state(f *fields, p *State) {
	switch {
	case f.to == nil && f.absent():
		*p = nil
	case f.to == nil:
		*p = f.from.state()
	case *p == nil:
		f.omit()
	default:
		f.present()
		f.to.state(*p)
	}
}

func (e *encoder) state(s State) {
	switch s := s.(type) {
	case composite:
		e.composite(s)
	case *Described:
		e.value(*s)
	}
}

func (d *decoder) state() State {
	before := *d
	code := d.descriptor()
	var s interface {
		State
		composite
	}
	switch code {
	case 0x23:
		s = new(Received)
	case 0x24:
		s = new(Accepted)
	case 0x25:
		s = new(Rejected)
	case 0x26:
		s = new(Released)
	case 0x27:
		s = new(Modified)
	default: // an extension, whose descriptor need not be known
		*d = before
		described, ok := d.value().(Described)
		if !ok {
			d.fail("a delivery state is not described")
		}
		return &described
	}
	d.list(s)
	return s
}
