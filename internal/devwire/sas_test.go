package devwire_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/vectors"
)

func key(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTokensMatchTheVectors(t *testing.T) {
	for _, v := range vectors.All().SASTokens {
		got := devwire.SAS{
			Resource: v.Resource, Key: key(t, v.Key), Expiry: time.Unix(v.Expiry, 0), Policy: v.Policy, Order: v.Order,
		}.Token()
		if got != v.Token {
			t.Errorf("%s:\n%s, want\n%s", v.Source, got, v.Token)
		}
	}
}

func TestTokenLeavesOutWhatTheOrderLeavesOut(t *testing.T) {
	got := devwire.SAS{Resource: "r", Key: []byte("k"), Expiry: time.Unix(7, 0), Order: []string{"se", "sr"}}.Token()
	if got != "SharedAccessSignature se=7&sr=r" {
		t.Error(got)
	}
}

func TestDerivedKeysMatchTheVectors(t *testing.T) {
	for _, v := range vectors.All().GroupKeys {
		if got := base64.StdEncoding.EncodeToString(devwire.DeriveKey(key(t, v.GroupKey), v.RegistrationID)); got != v.DeviceKey {
			t.Errorf("%s: %s, want %s", v.Source, got, v.DeviceKey)
		}
	}
}

func TestResourcesMatchTheVectors(t *testing.T) {
	if got := devwire.DeviceResource("0ne00DEMO01", "dev-01"); got != vectors.All().SASTokens[1].Resource {
		t.Error(got)
	}
	if hub := vectors.All().Hub; devwire.HubResource(hub.Host, hub.DeviceID) != hub.SASResource {
		t.Error(devwire.HubResource(hub.Host, hub.DeviceID))
	}
}
