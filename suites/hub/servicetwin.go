package hub

import (
	"context"

	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// desired is a twin with these desired properties, as service clients write it.
func desired(members harness.Members) harness.Members {
	return harness.Members{"properties": harness.Members{"desired": members}}
}

// written is the twin that a write answered, as a step on the way to something else.
func written(t *harness.T, what string, write func() harness.Members) (twin harness.Members) {
	t.Given(what, func() { twin = write() })
	return twin
}

// bare are the values of a collection without what the hub adds.
func bare(collection any) map[string]any {
	values := map[string]any{}
	all, _ := collection.(map[string]any)
	for name, value := range all {
		if name != "$version" && name != "$metadata" {
			values[name] = value
		}
	}
	return values
}

// serviceTwinChecks are about twins as service clients see them.
var serviceTwinChecks = []harness.Check{{
	Requirement: "DPS-HUB-050",
	Title:       "a twin is answered with 200, tags, desired and reported properties",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d := h.Device(ctx, t)
		answer := h.Get(ctx, t, harness.TwinPath(d.DeviceID))
		t.Expect(answer.Status).To(Equal(200))
		twin := document(t, answer)
		t.Expect(twin).To(And(HaveKeyWithValue("deviceId", d.DeviceID), HaveKeyWithValue("etag", Not(BeEmpty()))))
		t.Expect(twin["properties"]).To(And(HaveKeyWithValue("desired", HaveKey("$version")), HaveKeyWithValue("reported", HaveKey("$version"))))
		t.Expect(member(document(t, h.Patch(ctx, t, harness.TwinPath(d.DeviceID), harness.Members{"tags": harness.Members{"site": "lab"}})), "tags")).
			To(HaveKeyWithValue("site", "lab"))
	},
}, {
	Requirement: "DPS-HUB-051",
	Title:       "a twin PATCH merges, and removes what it sets to null",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		path := harness.TwinPath(h.Device(ctx, t).DeviceID)
		patch := func(tags, properties harness.Members) harness.Members {
			body := desired(properties)
			body["tags"] = tags
			return document(t, h.Patch(ctx, t, path, body))
		}
		written(t, "the twin has tags and desired properties", func() harness.Members {
			return patch(harness.Members{"site": "lab", "rack": harness.Members{"row": 1, "slot": 2}}, harness.Members{"interval": 30, "mode": "eco"})
		})
		patch(harness.Members{"site": nil, "rack": harness.Members{"slot": nil, "unit": 3}}, harness.Members{"mode": nil, "limit": 5})
		twin := document(t, h.Get(ctx, t, path))
		t.Expect(twin["tags"]).To(Equal(map[string]any{"rack": map[string]any{"row": 1.0, "unit": 3.0}}))
		t.Expect(bare(member(twin, "properties", "desired"))).To(Equal(map[string]any{"interval": 30.0, "limit": 5.0}))
	},
}, {
	Requirement: "DPS-HUB-052",
	Title:       "a twin PUT takes the place of tags and desired properties",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		path := harness.TwinPath(h.Device(ctx, t).DeviceID)
		before, after := desired(harness.Members{"interval": 30}), desired(harness.Members{"limit": 5})
		before["tags"], after["tags"] = harness.Members{"site": "lab"}, harness.Members{"floor": 2}
		written(t, "the twin has tags and desired properties", func() harness.Members { return document(t, h.Patch(ctx, t, path, before)) })
		t.Expect(h.Put(ctx, t, path, after).Status).To(Equal(200))
		twin := document(t, h.Get(ctx, t, path))
		t.Expect(twin["tags"]).To(Equal(map[string]any{"floor": 2.0}))
		t.Expect(bare(member(twin, "properties", "desired"))).To(Equal(map[string]any{"limit": 5.0}))
	},
}, {
	Requirement: "DPS-HUB-053",
	Title:       "a twin PATCH with an outdated etag is answered with 412",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		path := harness.TwinPath(h.Device(ctx, t).DeviceID)
		etag, _ := document(t, h.Get(ctx, t, path))["etag"].(string)
		patch := desired(harness.Members{"interval": 30})
		t.Given("a PATCH with the current etag is taken", func() {
			t.Expect(h.Patch(ctx, t, path, patch, `"`+etag+`"`).Status).To(Equal(200))
		})
		t.Expect(h.Patch(ctx, t, path, patch, `"`+etag+`"`).Status).To(Equal(412))
	},
}, {
	Requirement: "DPS-HUB-054",
	Title:       "each change of a collection raises its $version, and $metadata stands beside every value",
	Run: func(ctx context.Context, env *harness.Env, t *harness.T) {
		h := env.Hub(ctx, t)
		d := h.Device(ctx, t)
		path := harness.TwinPath(d.DeviceID)
		device := d.Connect(ctx, t)
		changes := map[string]func(value int){
			"desired": func(value int) {
				h.Patch(ctx, t, path, desired(harness.Members{"limits": harness.Members{"low": value}}))
			},
			"reported": func(value int) {
				_, err := device.Report(ctx, harness.Members{"limits": harness.Members{"low": value}})
				t.Answered(err, "report a property")
			},
		}
		for half, change := range changes {
			version := member(document(t, h.Get(ctx, t, path)), "properties", half, "$version")
			for value := range 2 {
				change(value)
				collection, _ := member(document(t, h.Get(ctx, t, path)), "properties", half).(map[string]any)
				t.Expect(collection["$version"]).To(BeNumerically(">", version), "$version of %s", half)
				version = collection["$version"]
				for _, names := range [][]string{{"$metadata"}, {"$metadata", "limits"}, {"$metadata", "limits", "low"}} {
					t.Expect(member(collection, names...)).To(HaveKeyWithValue("$lastUpdated", MatchRegexp(`^\d{4}-\d\d-\d\dT`)), "%v of %s", names, half)
				}
			}
		}
	},
}}
