package harness_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

func TestARedShowsTheWordsOfTheVocabulary(t *testing.T) {
	for want, check := range map[string]func(t *harness.T){
		"<dps.Status>: assigning": func(t *harness.T) { t.Expect(dps.StatusAssigning).To(Equal(dps.StatusAssigned)) },
		"mqtt-ws":                 func(t *harness.T) { t.Expect([]dps.Transport{dps.MQTTWebSocket}).To(BeEmpty()) },
		"device data reset":       func(t *harness.T) { t.Expect(struct{ S dps.Substatus }{dps.SubstatusDeviceDataReset}).To(BeZero()) },
	} {
		r := run(t, &harness.Env{}, plain, func(_ context.Context, _ *harness.Env, t *harness.T) { check(t) })
		if !strings.Contains(r.Failure, want) {
			t.Errorf("%q does not say %q", r.Failure, want)
		}
	}
}
