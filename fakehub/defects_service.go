package fakehub

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/dpslab/dpslab/fakehub/serviceapi"
	"github.com/dpslab/dpslab/internal/point"
)

var errorCode = regexp.MustCompile(`ErrorCode:[A-Za-z]+;`)

// answering changes what service clients are answered at a step.
func answering(step string, change func(*serviceapi.Reply)) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.BeforeWrite.Plan(func(c point.Call, r *serviceapi.Reply) {
		if c.Step == step {
			change(r)
		}
	}))
}

// status puts one status in the place of another at a step.
func status(step string, right, wrong int) func(point.Args) ([]point.Plan, error) {
	return answering(step, func(r *serviceapi.Reply) {
		if r.Status == right {
			r.Status = wrong
		}
	})
}

// editing changes the JSON object that a success at a step is answered with.
func editing(step string, change func(doc map[string]any)) func(point.Args) ([]point.Plan, error) {
	return answering(step, func(r *serviceapi.Reply) {
		var doc map[string]any
		if r.Status >= 300 || json.Unmarshal(r.Body, &doc) != nil {
			return
		}
		change(doc)
		if edited, err := json.Marshal(doc); err == nil {
			r.Body = edited
		}
	})
}

// member is an object in an object; it may be nil.
func member(doc map[string]any, name string) map[string]any {
	below, _ := doc[name].(map[string]any)
	return below
}

// ignoreIfMatch writes a resource of the kind unconditionally.
func ignoreIfMatch(kind string) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Precondition.Plan(func(c point.Call, m *serviceapi.Match) {
		m.Ignore = m.Ignore || strings.HasSuffix(c.Step, " "+kind)
	}))
}

// admit lets requests in that were refused for the reason.
func admit(reason string) func(point.Args) ([]point.Plan, error) {
	return point.Always(serviceapi.Authorizing.Plan(func(_ point.Call, a *serviceapi.Authorization) {
		if a.Refused == reason {
			a.Refused = ""
		}
	}))
}

// foldIDs takes ids that differ in letter case for one.
func foldIDs(point.Args) ([]point.Plan, error) {
	var spellings sync.Map
	return []point.Plan{serviceapi.BeforeWrite.Plan(func(c point.Call, r *serviceapi.Reply) {
		if c.Step != "put device" {
			return
		}
		if first, _ := spellings.LoadOrStore(strings.ToLower(c.Registration), c.Registration); first != c.Registration {
			r.Status = http.StatusConflict
		}
	})}, nil
}

// serviceDefects are wrong answers to service clients.
var serviceDefects = point.Catalogue{
	{
		ID: "hub-serves-without-token", Summary: "a request without a token is served",
		Catches: []string{"DPS-HUB-055"}, Build: admit(serviceapi.NoToken),
	},
	{
		ID: "hub-serves-expired-token", Summary: "a request with an expired token is served",
		Catches: []string{"DPS-HUB-055"}, Build: admit(serviceapi.Expired),
	},
	{
		ID: "hub-serves-any-signature", Summary: "the signature of service tokens is not verified",
		Catches: []string{"DPS-HUB-055"}, Build: admit(serviceapi.WrongSignature),
	},
	{
		ID: "hub-answers-as-text", Summary: "answers are declared as text/plain",
		Catches: []string{"DPS-HUB-056"}, Build: point.Always(serviceapi.BeforeWrite.Plan(func(_ point.Call, r *serviceapi.Reply) {
			r.Header.Set("Content-Type", "text/plain; charset=utf-8")
		})),
	},
	{
		ID: "hub-errors-without-code", Summary: "the Message of an error does not begin with ErrorCode",
		Catches: []string{"DPS-HUB-038", "DPS-HUB-046"},
		Build: point.Always(serviceapi.BeforeWrite.Plan(func(_ point.Call, r *serviceapi.Reply) {
			if r.Status >= http.StatusBadRequest {
				r.Body = errorCode.ReplaceAll(r.Body, nil)
			}
		})),
	},
	{
		ID: "hub-created-201", Summary: "the PUT of an identity answers 201",
		Catches: []string{"DPS-HUB-041", "DPS-HUB-042"}, Build: status("put device", http.StatusOK, http.StatusCreated),
	},
	{
		ID: "hub-conflict-hidden", Summary: "the PUT of an identity that exists answers 200",
		Catches: []string{"DPS-HUB-041"}, Build: status("put device", http.StatusConflict, http.StatusOK),
	},
	{
		ID: "hub-ignores-device-etag", Summary: "a write of an identity goes through whatever If-Match says",
		Catches: []string{"DPS-HUB-042"}, Build: ignoreIfMatch("device"),
	},
	{
		ID: "hub-unknown-device-answers-200", Summary: "the GET of an unknown identity answers 200",
		Catches: []string{"DPS-HUB-043"},
		Build: point.Always(serviceapi.BeforeWrite.Plan(func(c point.Call, r *serviceapi.Reply) {
			if c.Step == "get device" && r.Status == http.StatusNotFound {
				r.Status = http.StatusOK
			}
		})),
	},
	{
		ID: "hub-devices-in-object", Summary: "all identities are answered inside an object",
		Catches: []string{"DPS-HUB-044"}, Build: answering("get devices", func(r *serviceapi.Reply) { r.Body = append(append([]byte(`{"value":`), r.Body...), '}') }),
	},
	{
		ID: "hub-deleted-200", Summary: "the DELETE of an identity answers 200",
		Catches: []string{"DPS-HUB-045"}, Build: status("delete device", http.StatusNoContent, http.StatusOK),
	},
	{
		ID: "hub-no-generation", Summary: "an identity has no generationId",
		Catches: []string{"DPS-HUB-047"}, Build: both(
			editing("get device", func(doc map[string]any) { delete(doc, "generationId") }),
			editing("put device", func(doc map[string]any) { delete(doc, "generationId") })),
	},
	{
		ID: "hub-makes-no-keys", Summary: "an identity that is created without keys has none",
		Catches: []string{"DPS-HUB-048"}, Build: editing("put device", func(doc map[string]any) {
			clear(member(member(doc, "authentication"), "symmetricKey"))
		}),
	},
	{
		ID: "hub-folds-device-ids", Summary: "device ids that differ in letter case are one",
		Catches: []string{"DPS-HUB-049"}, Build: foldIDs,
	},
	{
		ID: "hub-twin-without-desired", Summary: "the GET of a twin has no desired properties",
		Catches: []string{"DPS-HUB-050"}, Build: editing("get twin", func(doc map[string]any) { delete(member(doc, "properties"), "desired") }),
	},
	{
		ID: "hub-twin-patch-replaces", Summary: "the PATCH of a twin replaces what was there",
		Catches: []string{"DPS-HUB-051"}, Build: point.Always(serviceapi.TwinWriting.Plan(func(_ point.Call, w *serviceapi.TwinWrite) { w.Replace = true })),
	},
	{
		ID: "hub-twin-put-merges", Summary: "the PUT of a twin merges into what was there",
		Catches: []string{"DPS-HUB-052"}, Build: point.Always(serviceapi.TwinWriting.Plan(func(_ point.Call, w *serviceapi.TwinWrite) { w.Replace = false })),
	},
	{
		ID: "hub-ignores-twin-etag", Summary: "a write of a twin goes through whatever If-Match says",
		Catches: []string{"DPS-HUB-053"}, Build: ignoreIfMatch("twin"),
	},
	{
		ID: "hub-twin-without-metadata", Summary: "the GET of a twin has no $metadata",
		Catches: []string{"DPS-HUB-054"}, Build: editing("get twin", func(doc map[string]any) {
			delete(member(member(doc, "properties"), "desired"), "$metadata")
			delete(member(member(doc, "properties"), "reported"), "$metadata")
		}),
	},
	{
		ID: "hub-method-failures-200", Summary: "a method call that fails is answered with 200",
		Catches: []string{"DPS-HUB-038", "DPS-HUB-039", "DPS-HUB-040"}, Build: answering("post method", func(r *serviceapi.Reply) { r.Status = http.StatusOK }),
	},
}
