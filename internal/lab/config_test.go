package lab_test

import (
	"testing"
	"time"

	"github.com/dpslab/dpslab/internal/controlapi"
	"github.com/dpslab/dpslab/internal/labfile"
)

func TestALabFileStandsInPlaceOfOptions(t *testing.T) {
	t.Parallel()
	says, err := labfile.Parse([]byte(`dpslab: lab/v1
service:
  retry_after: 1m30s
  latencies: {10.0.0.0/8: {near: 5, hub.elsewhere.test: 80}}
hubs: [{name: near}]
`), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := quick()
	o.RetryAfter, o.IDScope = time.Second, "0ne00KEPT01"
	if err := o.Configure(says); err != nil {
		t.Fatal(err)
	}
	l := begin(t, o)
	control := controlapi.New(l.ControlURL(), l.Token(), l.State.Roots())
	defer control.Close()
	services, err := control.Services(t.Context())
	if err != nil || len(services) != 1 {
		t.Fatal(err)
	}
	s := services[0]
	row := s.Latencies["10.0.0.0/8"]
	if s.RetryAfterSeconds != 90 || s.IDScope != "0ne00KEPT01" || len(s.LinkedHubs) != 1 || row["near.azure-devices.net"] != 5 || row["hub.elsewhere.test"] != 80 {
		t.Errorf("%+v", s)
	}
}
