package huberror_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/dpslab/dpslab/fakehub/huberror"
)

func TestAnErrorKeepsItsCodeThroughWrapping(t *testing.T) {
	err := fmt.Errorf("write: %w", huberror.New(huberror.DeviceNotFound, "the device %q is not registered", "d1"))
	e := huberror.From(err)
	if e.Code != huberror.DeviceNotFound || e.Status() != 404 || e.Message != `the device "d1" is not registered` {
		t.Errorf("%+v", e)
	}
	if !huberror.Is(err, huberror.DeviceNotFound) || huberror.Is(err, huberror.DeviceNotOnline) {
		t.Error("Is does not tell the codes apart")
	}
}

func TestAnUnknownErrorStaysInside(t *testing.T) {
	if e := huberror.From(errors.New("the key is abc")); e.Code != huberror.ServerError || e.Status() != 500 || e.Message != "the hub could not do that" {
		t.Errorf("%+v", e)
	}
}

func TestTrackingIDs(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second := huberror.TrackingID(at), huberror.TrackingID(at)
	if !regexp.MustCompile(`^[0-9a-f]{32}-G:0-TimeStamp:01/02/2030 03:04:05$`).MatchString(first) || first == second {
		t.Errorf("%s, %s", first, second)
	}
}
