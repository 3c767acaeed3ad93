package sas_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/sas"
)

const connection = "HostName=lab.azure-devices-provisioning.net;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=" + deviceKey

func TestConnectionStringIsRead(t *testing.T) {
	for name, text := range map[string]string{
		"as the portal shows it": connection,
		"another order and case": "sharedaccesskey=" + deviceKey + ";SHAREDACCESSKEYNAME=provisioningserviceowner; hostname=lab.azure-devices-provisioning.net;",
	} {
		c, err := sas.ParseConnectionString(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Reveal() != connection {
			t.Errorf("%s: %s", name, c.Reveal())
		}
	}
}

func TestWhatIsNoConnectionStringIsRefusedWithoutQuotingIt(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"no host":        "SharedAccessKeyName=p;SharedAccessKey=" + deviceKey,
		"no policy":      "HostName=h;SharedAccessKey=" + deviceKey,
		"no key":         "HostName=h;SharedAccessKeyName=p",
		"key not base64": "HostName=h;SharedAccessKeyName=p;SharedAccessKey=!" + deviceKey,
		"key alone":      "HostName=h;SharedAccessKeyName=p;" + deviceKey,
		"key twice":      connection + ";SharedAccessKey=" + deviceKey,
		"device's":       connection + ";DeviceId=d",
		"too long":       connection + strings.Repeat(";", 9000),
	} {
		_, err := sas.ParseConnectionString(text)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), deviceKey[:8]) {
			t.Errorf("%s: the error quotes the key: %v", name, err)
		}
	}
}

func TestPrintingAConnectionStringHidesItsKey(t *testing.T) {
	c, err := sas.ParseConnectionString(connection)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("linked", "hub", c)
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), log.String(), string(marshalled)} {
		if strings.Contains(text, deviceKey[:8]) || !strings.Contains(text, "REDACTED") || !strings.Contains(text, c.HostName) {
			t.Errorf("shown as %s", text)
		}
	}
}
