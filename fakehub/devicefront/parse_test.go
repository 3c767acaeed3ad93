package devicefront_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/fakehub/devicefront"
)

const host = "hub-1.azure-devices.net"

func TestUsernames(t *testing.T) {
	for rule, tc := range map[string]struct {
		text, clientID string
		ok             bool
		modelID        string
	}{
		"Python":                     {host + "/d1/?api-version=2019-10-01&DeviceClientType=py-iothub%2F2.14", "d1", true, ""},
		"parameters in any order":    {host + "/d1/?DeviceClientType=x&api-version=2020-09-30", "d1", true, ""},
		"without the question mark":  {host + "/d1/api-version=2016-11-14&DeviceClientType=old", "d1", true, ""},
		"without the slash":          {host + "/d1?api-version=2020-09-30", "d1", true, ""},
		"without a query":            {host + "/d1", "d1", true, ""},
		"only a slash":               {host + "/d1/", "d1", true, ""},
		"the host in capitals":       {"HUB-1.Azure-Devices.NET/d1/?api-version=2020-09-30", "d1", true, ""},
		"a raw model-id":             {host + "/d1/?api-version=2021-04-12&model-id=dtmi:com:x;1&DeviceClientType=node", "d1", true, "dtmi:com:x;1"},
		"an encoded model-id":        {host + "/d1/?api-version=2020-09-30&model-id=dtmi%3Acom%3Ax%3B1", "d1", true, "dtmi:com:x;1"},
		"a broken encoding":          {host + "/d1/?api-version=2020-09-30&model-id=100%", "d1", true, "100%"},
		"an id with a question mark": {host + "/d?1/?api-version=2020-09-30", "d?1", true, ""},
		"another host":               {"hub-2.azure-devices.net/d1/?api-version=2020-09-30", "d1", false, ""},
		"a longer id":                {host + "/d12/?api-version=2020-09-30", "d1", false, ""},
		"another id":                 {host + "/d2/?api-version=2020-09-30", "d1", false, ""},
		"the id in capitals":         {host + "/D1/?api-version=2020-09-30", "d1", false, ""},
		"a module":                   {host + "/d1/m1/?api-version=2020-09-30", "d1", false, ""},
		"only the host":              {host, "d1", false, ""},
		"nothing":                    {"", "d1", false, ""},
	} {
		modelID, err := devicefront.ParseUsername(tc.text, host, tc.clientID)
		if (err == nil) != tc.ok || modelID != tc.modelID {
			t.Errorf("%s: model id %q, %v", rule, modelID, err)
		}
	}
}

// show puts a bag on one line: names in order, system properties last.
func show(properties map[string]*string, system map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		value := "null"
		if v := properties[name]; v != nil {
			value = fmt.Sprintf("%q", *v)
		}
		parts = append(parts, name+"="+value)
	}
	for _, name := range slices.Sorted(maps.Keys(system)) {
		parts = append(parts, fmt.Sprintf("[%s=%q]", name, system[name]))
	}
	return strings.Join(parts, " ")
}

func TestPropertyBags(t *testing.T) {
	for rule, tc := range map[string]struct{ bag, want string }{
		"none":                         {"", ""},
		"only a slash":                 {"/", ""},
		"the documented example":       {"%24.ct=application%2Fjson&%24.ce=utf-8&%24.mid=7&zone=a%20b/", `zone="a b" [content-encoding="utf-8"] [content-type="application/json"] [message-id="7"]`},
		"a raw dollar":                 {"$.mid=7&$.cid=8", `[correlation-id="8"] [message-id="7"]`},
		"no value and an empty one":    {"a&b=", `a=null b=""`},
		"a plus sign":                  {"a=1+1", `a="1+1"`},
		"an encoded ampersand":         {"a=1%26b%3D2", `a="1&b=2"`},
		"an equals sign in the value":  {"a=b=c", `a="b=c"`},
		"an encoded name":              {"a%20b=1", `a b="1"`},
		"a broken encoding":            {"a=100%", `a="100%"`},
		"an unknown system property":   {"$.what=1", `$.what="1"`},
		"who the device says it is":    {"$.cdid=d2&%24.cmid=m&a=1", `a="1"`},
		"a dollar without a dot":       {"$mid=1", `$mid="1"`},
		"empty pairs":                  {"&&a=1&", `a="1"`},
		"no name":                      {"=1", ""},
		"one slash belongs to the end": {"a=b//", `a="b/"`},
	} {
		if got := show(devicefront.ParseBag(tc.bag)); got != tc.want {
			t.Errorf("%s: got %s, want %s", rule, got, tc.want)
		}
	}
}

func TestTelemetryTopics(t *testing.T) {
	for topic, want := range map[string]string{
		"devices/d1/messages/events/":     "",
		"devices/d1/messages/events":      "",
		"devices/d1/messages/events/a=1":  "a=1",
		"devices/d1/messages/events/a=1/": "a=1/",
	} {
		if bag, ok := devicefront.TelemetryBag(topic, "d1"); !ok || bag != want {
			t.Errorf("%s: %q, %v", topic, bag, ok)
		}
	}
	for _, topic := range []string{"", "devices/d2/messages/events/", "devices/d1/messages/eventsX", "devices/d1/messages/devicebound/", "devices/D1/messages/events/"} {
		if bag, ok := devicefront.TelemetryBag(topic, "d1"); ok {
			t.Errorf("%s is telemetry with %q", topic, bag)
		}
	}
}

func TestArguments(t *testing.T) {
	path, values := devicefront.Arguments("$iothub/twin/PATCH/properties/reported/?$rid=a%20b&$version=4")
	if path != "$iothub/twin/PATCH/properties/reported" || values["$rid"] != "a%20b" || values["$version"] != "4" {
		t.Errorf("%q %q", path, values)
	}
	if path, values := devicefront.Arguments("$iothub/twin/GET"); path != "$iothub/twin/GET" || values["$rid"] != "" {
		t.Errorf("%q %q", path, values)
	}
}

func FuzzTopicOfADevice(f *testing.F) {
	for _, topic := range []string{
		"devices/d1/messages/events/%24.ct=application%2Fjson&zone=a%20b/", "devices/d1/messages/events/%", "$iothub/twin/GET/?$rid=1",
		"$iothub/methods/res/200/?$rid=1&$version", "/?", "devices/d1/messages/events/=&&",
	} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		if bag, ok := devicefront.TelemetryBag(topic, "d1"); ok {
			properties, system := devicefront.ParseBag(bag)
			if len(properties)+len(system) > strings.Count(bag, "&")+1 {
				t.Errorf("%q has more properties than pairs: %s", bag, show(properties, system))
			}
		}
		path, _ := devicefront.Arguments(topic)
		if !strings.HasPrefix(topic, path) {
			t.Errorf("the path of %q is %q", topic, path)
		}
	})
}

func FuzzUsername(f *testing.F) {
	f.Add(host+"/d1/?api-version=2021-04-12&model-id=dtmi:com:x;1", "d1")
	f.Add(host+"/d1api-version=1", "d1")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, clientID string) {
		if _, err := devicefront.ParseUsername(text, host, clientID); err == nil && !strings.HasPrefix(text[len(host):], "/"+clientID) {
			t.Errorf("%q is taken for %q", text, clientID)
		}
	})
}
