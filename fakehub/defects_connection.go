package fakehub

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/dpslab/dpslab/fakehub/devicefront"
	"github.com/dpslab/dpslab/fakehub/registry"
	"github.com/dpslab/dpslab/internal/frontdoor"
	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/point"
)

// overlook lets a device in that was refused for the reason.
func overlook(reason registry.Reason) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Checked.Plan(func(_ point.Call, c *devicefront.Check) {
		if c.Reason == reason {
			c.Refusal = nil
		}
	}))
}

// refuseDevice keeps devices out that the test holds for.
func refuseDevice(test func(*devicefront.Check) bool) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Checked.Plan(func(_ point.Call, c *devicefront.Check) {
		if c.Refusal == nil && test(c) {
			c.Refusal = errors.New("this hub is picky")
		}
	}))
}

// signedByPrimary reports whether the device's first key made its token.
func signedByPrimary(c *devicefront.Check) bool {
	identity, err := c.Identity()
	if err != nil || c.Token == nil {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(identity.Authentication.Keys.Primary)
	return err == nil && c.Token.VerifiedBy(key)
}

// leaveOpen keeps a connection that the hub would end for the reason.
func leaveOpen(reason string) func(point.Args) ([]point.Plan, error) {
	return point.Always(devicefront.Ended.Plan(func(_ point.Call, e *devicefront.End) {
		e.Ignore = e.Ignore || e.Reason == reason
	}))
}

// lookAway lets a broken rule of MQTT pass.
func lookAway(reason string) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttserver.Breached.Plan(func(_ point.Call, b *mqttserver.Breach) {
		b.Ignore = b.Ignore || b.Reason == reason
	}))
}

// silentAt keeps back the answers that say nothing but that a packet came.
func silentAt(step string) func(point.Args) ([]point.Plan, error) {
	return point.Always(mqttserver.Bare.Plan(func(c point.Call, r *mqttserver.BareReply) { r.Drop = r.Drop || c.Step == step }))
}

// connectionDefects are devices let in or kept out, and connections ended or not, wrongly.
var connectionDefects = point.Catalogue{
	{
		ID: "hub-requires-client-certificate", Summary: "a handshake without a client certificate is refused",
		Catches: []string{"DPS-HUB-002"}, Build: point.Always(frontdoor.ClientHello.Plan(func(_ point.Call, h *frontdoor.Hello) { h.RequireClientCert = true })),
	},
	{
		ID: "hub-wants-api-version-first", Summary: "a user name whose parameters do not begin with api-version is refused",
		Catches: []string{"DPS-HUB-003"}, Build: refuseDevice(func(c *devicefront.Check) bool {
			_, query, _ := strings.Cut(c.Connect.Username, "/?")
			return query != "" && !strings.HasPrefix(query, "api-version=")
		}),
	},
	{
		ID: "hub-wants-question-mark", Summary: "a user name without a question mark is refused",
		Catches: []string{"DPS-HUB-004"}, Build: refuseDevice(func(c *devicefront.Check) bool {
			return !strings.Contains(c.Connect.Username, "?")
		}),
	},
	{
		ID: "hub-splits-at-semicolons", Summary: "a user name with a semicolon is refused",
		Catches: []string{"DPS-HUB-005"}, Build: refuseDevice(func(c *devicefront.Check) bool {
			return strings.Contains(c.Connect.Username, ";")
		}),
	},
	{
		ID: "hub-encodes-resource-itself", Summary: "a token is refused whose resource is not encoded in upper case",
		Catches: []string{"DPS-HUB-006"}, Build: refuseDevice(func(c *devicefront.Check) bool {
			return c.Token != nil && (strings.Contains(c.Token.Resource, "/") || strings.Contains(c.Token.Resource, "%2f"))
		}),
	},
	{
		ID: "hub-token-in-order", Summary: "a token is refused whose fields do not come as sr, sig, se",
		Catches: []string{"DPS-HUB-007"}, Build: refuseDevice(func(c *devicefront.Check) bool {
			token := string(c.Connect.Password)
			sr, sig, se := strings.Index(token, "sr="), strings.Index(token, "sig="), strings.Index(token, "se=")
			return c.Token != nil && !(sr < sig && sig < se)
		}),
	},
	{
		ID: "hub-ignores-secondary-key", Summary: "a token that the secondary key signed is refused",
		Catches: []string{"DPS-HUB-008"}, Build: refuseDevice(func(c *devicefront.Check) bool {
			return c.Token != nil && !signedByPrimary(c)
		}),
	},
	{
		ID: "hub-accepts-any-key", Summary: "a token signed with any key lets a device in",
		Catches: []string{"DPS-HUB-009"}, Build: overlook(registry.WrongSignature),
	},
	{
		ID: "hub-accepts-token-of-another", Summary: "a token for another device's resource lets a device in",
		Catches: []string{"DPS-HUB-009"}, Build: overlook(registry.TokenForAnother),
	},
	{
		ID: "hub-accepts-expired-token", Summary: "an expired token lets a device in",
		Catches: []string{"DPS-HUB-010"}, Build: overlook(registry.TokenExpired),
	},
	{
		ID: "hub-ignores-thumbprint", Summary: "any client certificate lets a selfSigned device in",
		Catches: []string{"DPS-HUB-011"}, Build: overlook(registry.WrongThumbprint),
	},
	{
		ID: "hub-refuses-with-connack-4", Summary: "a refused CONNECT is answered with code 4 instead of 5",
		Catches: []string{"DPS-HUB-009", "DPS-HUB-010", "DPS-HUB-011"},
		Build: point.Always(mqttserver.Connack.Plan(func(_ point.Call, c *mqttserver.ConnackReply) {
			if c.Code == mqttserver.NotAuthorized {
				c.Code = mqttserver.BadUsernameOrPassword
			}
		})),
	},
	{
		ID: "hub-forgets-expiry", Summary: "a connection outlives its token",
		Catches: []string{"DPS-HUB-012", "DPS-HUB-065"}, Build: leaveOpen(devicefront.TokenExpired),
	},
	{
		ID: "hub-keeps-revoked-device", Summary: "a connection outlives its identity",
		Catches: []string{"DPS-HUB-026"}, Build: leaveOpen(devicefront.IdentityGone),
	},
	{
		ID: "hub-same-device-twice", Summary: "two connections of a device stand side by side",
		Catches: []string{"DPS-HUB-023"}, Build: lookAway(mqttserver.TakenOver),
	},
	{
		ID: "hub-loses-subscriptions", Summary: "a device that comes back without clean session has no subscriptions",
		Catches: []string{"DPS-HUB-021"},
		Build:   point.Always(devicefront.Resumed.Plan(func(_ point.Call, r *devicefront.Resume) { r.Filters = nil })),
	},
	{
		ID: "hub-ignores-clean-session", Summary: "a device that connects with clean session has the subscriptions of before",
		Catches: []string{"DPS-HUB-022"}, Build: point.Always(devicefront.Checked.Plan(func(_ point.Call, c *devicefront.Check) { c.Connect.CleanSession = false })),
	},
	{
		ID: "hub-no-pingresp", Summary: "PINGREQ is not answered",
		Catches: []string{"DPS-HUB-025"}, Build: silentAt(mqttserver.StepPing),
	},
	{
		ID: "hub-no-unsuback", Summary: "UNSUBSCRIBE is not answered",
		Catches: []string{"DPS-HUB-025"}, Build: silentAt(mqttserver.StepUnsubscribe),
	},
	{
		ID: "hub-subprotocol-lowered", Summary: "the subprotocol of a WebSocket is echoed in lower case",
		Catches: []string{"DPS-HUB-037"}, Build: point.Always(frontdoor.Upgrade.Plan(func(_ point.Call, u *frontdoor.UpgradeReply) {
			u.Subprotocol = strings.ToLower(u.Subprotocol)
		})),
	},
}
