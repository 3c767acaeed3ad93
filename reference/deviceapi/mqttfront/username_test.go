package mqttfront_test

import (
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/vectors"
	"github.com/dpslab/dpslab/reference/deviceapi/mqttfront"
)

func TestUsernamesOfTheVectors(t *testing.T) {
	for _, v := range vectors.All().MQTT.Usernames {
		scope, id, version, err := mqttfront.ParseUsername(v.Username)
		if err != nil || scope != v.Scope || id != v.RegistrationID || version != v.APIVersion {
			t.Errorf("%s: %q %q %q, %v", v.Source, scope, id, version, err)
		}
	}
}

func TestUsernames(t *testing.T) {
	for _, c := range []struct {
		rule, username string
		version        string
		malformed      bool
	}{
		{"the api-version behind other parameters", "s/registrations/d/ClientVersion=a%2Fb&api-version=1", "1", false},
		{"a question mark before the parameters", "s/registrations/d/?api-version=1", "1", false},
		{"a client version with slashes, brackets and blanks", "s/registrations/d/api-version=1&ClientVersion=a/1.0 (x; y)/z", "1", false},
		{"a client version that looks like parameters", "s/registrations/d/api-version=1&ClientVersion=a=b", "1", false},
		{"without an api-version, which is judged later", "s/registrations/d/ClientVersion=a", "", false},
		{"an empty api-version", "s/registrations/d/api-version=", "", false},
		{"an api-version in another case is none", "s/registrations/d/API-Version=1", "", false},
		{"nothing behind the id but the slash", "s/registrations/d/", "", false},

		{"empty", "", "", true},
		{"an id alone", "d", "", true},
		{"nothing behind the id", "s/registrations/d", "", true},
		{"no scope", "/registrations/d/api-version=1", "", true},
		{"no id", "s/registrations//api-version=1", "", true},
		{"another word", "s/devices/d/api-version=1", "", true},
		{"a hub's user name", "hub-a.azure-devices.net/d/?api-version=2021-04-12", "", true},
		{"encoded as a whole", "s%2Fregistrations%2Fd%2Fapi-version=1", "", true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			scope, id, version, err := mqttfront.ParseUsername(c.username)
			switch {
			case c.malformed && (err == nil || !strings.Contains(err.Error(), "{idScope}/registrations/")):
				t.Errorf("%q %q %q, %v", scope, id, version, err)
			case !c.malformed && (err != nil || scope != "s" || id != "d" || version != c.version):
				t.Errorf("%q %q %q, %v", scope, id, version, err)
			}
		})
	}
}

// What a user name says stands in it, in this order, and nothing of it is decoded.
func FuzzParseUsername(f *testing.F) {
	for _, v := range vectors.All().MQTT.Usernames {
		f.Add(v.Username)
	}
	for _, s := range []string{"", "///", "s/registrations/d/?", "s/registrations/d/&&api-version=1&api-version=2", "s/registrations/%2F/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		scope, id, version, err := mqttfront.ParseUsername(s)
		if err != nil {
			return
		}
		rest, ok := strings.CutPrefix(s, scope+"/registrations/"+id+"/")
		if !ok || scope == "" || id == "" || strings.Contains(scope+id, "/") {
			t.Fatalf("%q is taken for %q of scope %q", s, id, scope)
		}
		if version != "" && !strings.Contains(rest, "api-version="+version) || strings.Contains(version, "&") {
			t.Errorf("%q is taken for api-version %q", s, version)
		}
	})
}
