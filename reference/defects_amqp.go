package reference

import (
	"strings"
	"sync"

	"github.com/dpslab/dpslab/internal/amqpserver"
	"github.com/dpslab/dpslab/internal/amqpserver/amqp"
	"github.com/dpslab/dpslab/internal/point"
	"github.com/dpslab/dpslab/reference/deviceapi/amqpfront"
	"github.com/dpslab/dpslab/reference/problem"
)

// onLogin changes the outcome of a SASL exchange of a known scope.
func onLogin(change func(*amqpfront.Login)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpfront.Authenticating.Plan(func(_ point.Call, l *amqpfront.Login) { change(l) }))
}

// onAttach changes the judgement on a link of a known device.
func onAttach(change func(*amqpfront.Attachment)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpfront.Attaching.Plan(func(_ point.Call, a *amqpfront.Attachment) { change(a) }))
}

// offered changes the SASL mechanisms that are offered.
func offered(mechanisms ...amqp.Symbol) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpserver.Mechanisms.Plan(func(_ point.Call, r *amqpserver.MechanismsReply) { r.Mechanisms = mechanisms }))
}

// enforced changes what a connection is held to.
func enforced(change func(*amqpserver.Limits)) func(point.Args) ([]point.Plan, error) {
	return point.Always(amqpserver.Enforced.Plan(func(_ point.Call, l *amqpserver.Limits) { change(l) }))
}

// firstOf remembers registrations: it is true the first time that one is asked for.
func firstOf() func(registration string) bool {
	var seen sync.Map
	return func(registration string) bool {
		_, again := seen.LoadOrStore(strings.ToLower(registration), true)
		return !again
	}
}

// amqpDefects are logins and links that are treated wrongly, and frames that are.
var amqpDefects = point.Catalogue{{
	ID: "amqp-sasl-skipped", Summary: "answers the protocol header of SASL with that of AMQP",
	Catches: []string{"DPS-AMQP-001"},
	Build: point.Always(amqpserver.Header.Plan(func(_ point.Call, r *amqpserver.HeaderReply) {
		if r.Asked == amqp.HeaderSASL {
			r.Answer = amqp.HeaderAMQP
		}
	})),
}, {
	ID: "amqp-sasl-required", Summary: "answers the protocol header of AMQP with that of SASL where it comes first",
	Catches: []string{"DPS-AMQP-002", "DPS-AMQP-062", "DPS-AMQP-063", "DPS-AMQP-064", "DPS-AMQP-065"},
	Build: point.Always(amqpserver.Header.Plan(func(c point.Call, r *amqpserver.HeaderReply) {
		if r.Asked == amqp.HeaderAMQP && c.Registration == "" { // nobody has logged in
			r.Answer = amqp.HeaderSASL
		}
	})),
}, {
	ID: "amqp-unknown-header-unanswered", Summary: "does not answer a protocol header that it does not know",
	Catches: []string{"DPS-AMQP-054"},
	Build: point.Always(amqpserver.Header.Plan(func(_ point.Call, r *amqpserver.HeaderReply) {
		r.Drop = r.Asked != amqp.HeaderAMQP && r.Asked != amqp.HeaderSASL
	})),
}, {
	ID: "amqp-plain-not-offered", Summary: "offers no SASL PLAIN",
	Catches: []string{"DPS-AMQP-003", "DPS-AMQP-062", "DPS-AMQP-063"},
	Build:   offered("TPM", "EXTERNAL", "ANONYMOUS"),
}, {
	ID: "amqp-plain-alone", Summary: "offers no SASL mechanism but PLAIN",
	Catches: []string{"DPS-AMQP-003", "DPS-AMQP-007"},
	Build:   offered("PLAIN"),
}, {
	ID: "amqp-login-unavailable", Summary: "ends every login with outcome 4",
	Catches: []string{"DPS-AMQP-004"},
	Build:   onLogin(func(l *amqpfront.Login) { l.Code = amqp.SASLSystemTemp }),
}, {
	ID: "amqp-any-token", Summary: "logs in whoever brings a token for a registration of its scope",
	Catches: []string{"DPS-AMQP-005"},
	Build:   onLogin(func(l *amqpfront.Login) { l.Code = amqp.SASLOK }),
}, {
	ID: "amqp-any-login", Summary: "ends every login with outcome 0",
	Catches: []string{"DPS-AMQP-005", "DPS-AMQP-006", "DPS-AMQP-008"},
	Build:   point.Always(amqpserver.Outcome.Plan(func(_ point.Call, r *amqpserver.OutcomeReply) { r.Code = amqp.SASLOK })),
}, {
	ID: "amqp-bare-address-only", Summary: "refuses a link whose address has more than the scope and the registration",
	Catches: []string{"DPS-AMQP-009", "DPS-AMQP-063", "DPS-AMQP-065"},
	Build: onAttach(func(a *amqpfront.Attachment) {
		if strings.Count(a.Address, "/") > 2 {
			a.Problem = problem.ResourceNotFound()
		}
	}),
}, {
	ID: "amqp-addresses-normalized", Summary: "answers an attach with other addresses than those that were sent",
	Catches: []string{"DPS-AMQP-010"},
	Build: point.Always(amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) {
		if r.Attach.Source != nil {
			r.Attach.Source.Address = strings.TrimPrefix(r.Attach.Source.Address, "amqps:/")
		}
		if r.Attach.Target != nil {
			r.Attach.Target.Address = strings.TrimPrefix(r.Attach.Target.Address, "amqps:/")
		}
	})),
}, {
	ID: "amqp-any-address", Summary: "attaches the links of a device to any address",
	Catches: []string{"DPS-AMQP-011", "DPS-AMQP-012", "DPS-AMQP-013"},
	Build:   onAttach(func(a *amqpfront.Attachment) { a.Problem = nil }),
}, {
	ID: "amqp-refused-as-not-found", Summary: "refuses links with amqp:not-found, whatever the reason",
	Catches: []string{"DPS-AMQP-011", "DPS-AMQP-013"},
	Build: onAttach(func(a *amqpfront.Attachment) {
		if a.Problem != nil {
			a.Problem = problem.ResourceNotFound()
		}
	}),
}, {
	ID: "amqp-any-link", Summary: "attaches every link, and looks at no message on those that it should have refused",
	Catches: []string{"DPS-AMQP-011", "DPS-AMQP-012", "DPS-AMQP-013", "DPS-AMQP-014"},
	Build:   point.Always(amqpserver.Attach.Plan(func(_ point.Call, r *amqpserver.AttachReply) { r.Error = nil })),
}, {
	ID: "amqp-sender-needs-receiver", Summary: "refuses to attach a device's sender before its receiver",
	Catches: []string{"DPS-AMQP-018"},
	Build: func(point.Args) ([]point.Plan, error) {
		first := firstOf()
		return []point.Plan{amqpfront.Attaching.Plan(func(c point.Call, a *amqpfront.Attachment) {
			if first(c.Registration) && a.Asked.Role == amqp.Sender {
				a.Problem = problem.ResourceNotFound()
			}
		})}, nil
	},
}, {
	ID: "amqp-no-credit", Summary: "grants no credit",
	Catches: []string{"DPS-AMQP-015", "DPS-AMQP-063"},
	Build:   point.Always(amqpserver.Credit.Plan(func(_ point.Call, g *amqpserver.CreditGrant) { g.Drop = true })),
}, {
	ID: "amqp-credit-once", Summary: "grants credit once and never again",
	Catches: []string{"DPS-AMQP-016"},
	Build: func(point.Args) ([]point.Plan, error) {
		first := firstOf()
		return []point.Plan{amqpserver.Credit.Plan(func(c point.Call, g *amqpserver.CreditGrant) { g.Drop = !first(c.Registration) })}, nil
	},
}, {
	ID: "amqp-frames-as-large-as-ours", Summary: "sends frames as large as it takes itself",
	Catches: []string{"DPS-AMQP-049"},
	Build:   point.Always(amqpserver.Outgoing.Plan(func(_ point.Call, m *amqpserver.OutgoingMessage) { m.FrameSize = 64 << 10 })),
}, {
	ID: "amqp-small-messages-only", Summary: "takes no message of more than 100 bytes",
	Catches: []string{"DPS-AMQP-050"},
	Build:   enforced(func(l *amqpserver.Limits) { l.MaxMessage = 100 }),
}, {
	ID: "amqp-frames-of-any-size-taken", Summary: "takes frames that are larger than its open allows",
	Catches: []string{"DPS-AMQP-052"},
	Build:   enforced(func(l *amqpserver.Limits) { l.MaxFrame = 1 << 20 }),
}, {
	ID: "amqp-broken-frames-ignored", Summary: "keeps a connection on which a frame cannot be read",
	Catches: []string{"DPS-AMQP-053"},
	Build:   point.Always(amqpserver.Violated.Plan(func(_ point.Call, v *amqpserver.Violation) { v.Ignore = true })),
}, {
	ID: "amqp-no-empty-frames", Summary: "lets the idle-time-out of a quiet client pass",
	Catches: []string{"DPS-AMQP-051"},
	Build:   point.Always(amqpserver.Keepalive.Plan(func(_ point.Call, k *amqpserver.KeepaliveFrame) { k.Drop = true })),
}, {
	ID: "amqp-detach-unanswered", Summary: "does not answer a detach",
	Catches: []string{"DPS-AMQP-056"},
	Build:   point.Always(amqpserver.Detach.Plan(func(_ point.Call, d *amqpserver.DetachFrame) { d.Drop = true })),
}, {
	ID: "amqp-close-unanswered", Summary: "ends a connection without a close of its own",
	Catches: []string{"DPS-AMQP-056"},
	Build:   point.Always(amqpserver.Close.Plan(func(_ point.Call, f *amqpserver.CloseFrame) { f.Drop = true })),
}}
