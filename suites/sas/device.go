package sas

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/suites/harness"
)

// deviceChecks are about the tokens of devices.
var deviceChecks = slices.Concat(spellingChecks, keyChecks, refusalChecks, expiryChecks, verdictChecks)

// hour is how long tokens are good that are about something else.
const hour = time.Hour

var registration = "registration"

// signature is a good token of the device, to be spelt otherwise.
func signature(env *harness.Env, d *harness.Device) devwire.SAS {
	return devwire.SAS{
		Resource: devwire.DeviceResource(d.Scope, d.RegistrationID), Key: d.Key, Expiry: env.Wire.Clock.Now().Add(hour), Policy: &registration,
	}
}

// plain is what the token of a device is for, without escapes.
func plain(d *harness.Device) string { return d.Scope + "/registrations/" + d.RegistrationID }

// lowerHex escapes as the C SDK does.
func lowerHex(text string) string { return strings.ReplaceAll(text, "/", "%2f") }

// each registers one new device of a group for every spelling of its token.
func each(ctx context.Context, env *harness.Env, t *harness.T, spellings ...func(d *harness.Device, s *devwire.SAS)) {
	group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
	for _, spell := range spellings {
		d := group.Device(t)
		s := signature(env, d)
		spell(d, &s)
		t.Expect(d.TryToken(ctx, t, s.Token())).To(harness.BeAccepted(), "resource %q, fields in the order %v", s.Resource, s.Order)
	}
}

// spellingChecks are good tokens as SDKs write them.
var spellingChecks = []harness.Check{{
	Requirement: "DPS-SAS-001",
	Title:       "a resource that is percent-encoded with upper-case hex is taken",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t, func(d *harness.Device, s *devwire.SAS) { s.Resource = strings.ReplaceAll(plain(d), "/", "%2F") })
	},
}, {
	Requirement: "DPS-SAS-002",
	Title:       "a resource that is percent-encoded with lower-case hex is taken",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t, func(d *harness.Device, s *devwire.SAS) { s.Resource = lowerHex(plain(d)) })
	},
}, {
	Requirement: "DPS-SAS-003",
	Title:       "a resource that is not encoded is taken",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t, func(d *harness.Device, s *devwire.SAS) { s.Resource = plain(d) })
	},
}, {
	Requirement: "DPS-SAS-004",
	Title:       "the fields of a token are taken in any order",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t,
			func(_ *harness.Device, s *devwire.SAS) { s.Order = []string{"sr", "sig", "skn", "se"} }, // azure-iot-sdk-node
			func(_ *harness.Device, s *devwire.SAS) { s.Order = []string{"sig", "se", "skn", "sr"} }, // azure-docs
			func(_ *harness.Device, s *devwire.SAS) { s.Order = []string{"skn", "se", "sr", "sig"} },
		)
	},
}, {
	Requirement: "DPS-SAS-005",
	Title:       "a token is taken whose skn is registration, empty or missing",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t,
			func(_ *harness.Device, s *devwire.SAS) { s.Policy = &registration },
			func(_ *harness.Device, s *devwire.SAS) { s.Policy = new(string) },
			func(_ *harness.Device, s *devwire.SAS) { s.Policy = nil },
		)
	},
}, {
	Requirement: "DPS-SAS-017",
	Title:       "a resource is taken in any letter case",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		each(ctx, env, t,
			func(d *harness.Device, s *devwire.SAS) { s.Resource = lowerHex(strings.ToLower(plain(d))) },
			func(d *harness.Device, s *devwire.SAS) { s.Resource = strings.ToUpper(plain(d)) },
		)
	},
}}

// keyChecks are about the key that signs.
var keyChecks = []harness.Check{{
	Requirement: "DPS-SAS-006",
	Title:       "the secondary key of an enrollment signs as well",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		t.Expect(d.With(func(id *devwire.Identity) { id.Key = d.Secondary }).Try(ctx, t)).To(harness.BeAccepted())
	},
}, {
	Requirement: "DPS-SAS-007",
	Title:       "a device of a group signs with the key derived from the primary or the secondary",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		t.Expect(group.Device(t).Try(ctx, t)).To(harness.BeAccepted(), "derived from the primary key")
		second := group.Device(t)
		t.Expect(second.With(func(id *devwire.Identity) { id.Key = second.Secondary }).Try(ctx, t)).
			To(harness.BeAccepted(), "derived from the secondary key")
	},
}, {
	Requirement: "DPS-SAS-008",
	Title:       "a device that signs with a key of its group is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		d := group.Device(t)
		t.Given("the device is accepted with its derived key", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
		for _, key := range [][]byte{group.Primary, group.Secondary} {
			t.Expect(d.With(func(id *devwire.Identity) { id.Key = key }).Try(ctx, t)).To(harness.BeRefused())
		}
	},
}, {
	Requirement: "DPS-SAS-009",
	Title:       "a token signed with a wrong key is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		for _, d := range []*harness.Device{service.SymmetricKeyDevice(ctx, t), service.SymmetricKeyGroup(ctx, t).Device(t)} {
			t.Given("the device is accepted with its own key", func() { t.Expect(d.Try(ctx, t)).To(harness.BeAccepted()) })
			t.Expect(d.With(func(id *devwire.Identity) { id.Key = harness.Key() }).Try(ctx, t)).To(harness.BeRefused())
		}
	},
}, {
	Requirement: "DPS-SAS-016",
	Title:       "a registration id that no enrollment applies to is refused with 401",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		service := env.Service(ctx, t)
		t.Given("a device that is enrolled is accepted", func() {
			t.Expect(service.SymmetricKeyDevice(ctx, t).Try(ctx, t)).To(harness.BeAccepted())
		})
		stranger := &harness.Device{
			Identity: devwire.Identity{Scope: service.Scope, RegistrationID: t.Name(), Key: harness.Key()}, Service: service,
		}
		t.Expect(stranger.Try(ctx, t)).To(harness.BeRefused())
	},
}}

// refuse says first that the device is accepted with its good token, then that it is
// refused with each of the others.
func refuse(ctx context.Context, env *harness.Env, t *harness.T, d *harness.Device, tokens ...spelt) {
	t.Given("the device is accepted with a good token", func() {
		t.Expect(d.TryToken(ctx, t, signature(env, d).Token())).To(harness.BeAccepted())
	})
	for _, s := range tokens {
		t.Expect(d.TryToken(ctx, t, s.token)).To(harness.BeRefused(), s.what)
	}
}

// spelt is a token with the words for what is wrong with it.
type spelt struct{ what, token string }

// refusalChecks are tokens with a good signature that are good for nothing all the same.
var refusalChecks = []harness.Check{{
	Requirement: "DPS-SAS-012",
	Title:       "a token for another device is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		group := env.Service(ctx, t).SymmetricKeyGroup(ctx, t)
		d, other := group.Device(t), group.Device(t)
		borrowed := signature(env, d)
		borrowed.Resource = devwire.DeviceResource(other.Scope, other.RegistrationID)
		refuse(ctx, env, t, d,
			spelt{"for another device, signed with this one's key", borrowed.Token()},
			spelt{"another device's own token", signature(env, other).Token()},
		)
	},
}, {
	Requirement: "DPS-SAS-013",
	Title:       "a token for another id scope is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s := signature(env, d)
		s.Resource = devwire.DeviceResource("0ne00000000", d.RegistrationID)
		refuse(ctx, env, t, d, spelt{"for another scope", s.Token()})
	},
}, {
	Requirement: "DPS-SAS-014",
	Title:       "a token that is malformed is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		good := signature(env, d)
		fields := func(names ...string) string { s := good; s.Order = names; return s.Token() }
		_, pairs, _ := strings.Cut(good.Token(), " ")
		_, expiry, _ := strings.Cut(fields("se"), "se=")
		refuse(ctx, env, t, d,
			spelt{"another scheme", "Bearer " + pairs},
			spelt{"no scheme", pairs},
			spelt{"no fields", "SharedAccessSignature "},
			spelt{"no sr", fields("sig", "se", "skn")},
			spelt{"no sig", fields("sr", "se", "skn")},
			spelt{"no se", fields("sr", "sig", "skn")},
			spelt{"se is no number", strings.Replace(good.Token(), "se="+expiry, "se=tomorrow", 1)},
			spelt{"sig is not base64", fields("sr", "se", "skn") + "&sig=" + url.QueryEscape("not base64!")},
		)
	},
}, {
	Requirement: "DPS-SAS-015",
	Title:       "a token whose skn names another policy is refused",
	Transports:  harness.OverAll,
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		d := env.Service(ctx, t).SymmetricKeyDevice(ctx, t)
		s, other := signature(env, d), "provisioningserviceowner"
		s.Policy = &other
		refuse(ctx, env, t, d, spelt{"another policy", s.Token()})
	},
}}
