package alloc

import (
	"context"
	"net/http"
	"sync"

	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/fairness"
	"github.com/dpslab/dpslab/suites/harness"
	. "github.com/onsi/gomega"
)

// crowded is how many devices a check of shares registers, which takes a second or two.
// With weights of 1 and 3 they show a share that is 7 points off (fairness.Verdict tells).
// many are enough to see that none goes astray or moves.
const (
	crowded = 2000
	many    = 300
)

// hostsOf is hubsOf for a crowd: devices of one service share a few connections, which
// saves them a thousand handshakes. Only labs are asked for so many.
func hostsOf(ctx context.Context, env *harness.Env, t *harness.T, devices []*harness.Device) []string {
	t.Step("%d devices register over %d connections", len(devices), atOnce)
	hosts, answers, errs := make([]string, len(devices)), make([]devwire.Answer, len(devices)), make([]error, len(devices))
	var all sync.WaitGroup
	for first := range atOnce {
		all.Go(func() {
			client := env.Wire.HTTP(devices[0].Service.Device, devwire.DialOptions{})
			defer client.Close()
			for i := first; i < len(devices); i += atOnce {
				answers[i], errs[i] = provision(ctx, env, client, devices[i].Identity)
			}
		})
	}
	all.Wait()
	for i, a := range answers {
		t.Answered(errs[i], "register "+devices[i].RegistrationID)
		if a.Status != dps.StatusAssigned || a.State == nil {
			t.Expect(a.Status).To(Equal(dps.StatusAssigned), "%s was answered %d %s", devices[i].RegistrationID, a.Code, a.Raw)
		}
		hosts[i] = a.State.AssignedHub
	}
	return hosts
}

// provision registers a device over a client that others use too, and polls until the
// answer is terminal or a refusal. It waits for nothing: the service holds its polls.
func provision(ctx context.Context, env *harness.Env, client *devwire.HTTPClient, id devwire.Identity) (devwire.Answer, error) {
	header := http.Header{"Authorization": {id.Token(env.Wire.Clock.Now())}}
	ask := func(method, path string, body []byte) (devwire.Answer, error) {
		r := devwire.HTTPRequest{Method: method, Path: path, Header: header, Body: body}
		if len(body) > 0 {
			r.Header = header.Clone()
			r.Header.Set("Content-Type", "application/json")
		}
		response, err := client.Do(ctx, r)
		if err != nil {
			return devwire.Answer{}, err
		}
		return response.Answer()
	}
	body, err := id.Registration(nil)
	if err != nil {
		return devwire.Answer{}, err
	}
	answer, err := ask(http.MethodPut, devwire.RegisterPath(id), body)
	for operation := answer.OperationID; err == nil && answer.Status == dps.StatusAssigning; {
		answer, err = ask(http.MethodGet, devwire.PollPath(id, operation), nil)
	}
	return answer, err
}

// spreadBy asserts that devices are spread over hubs as the weights ask, and over no others.
func spreadBy(t *harness.T, hosts []string, weights map[*harness.Hub]int) {
	byHost := map[string]int{}
	for hub, w := range weights {
		byHost[hub.Host] = w
	}
	counts := fairness.Count(hosts)
	v, err := fairness.Judge(counts, byHost)
	t.Must(err, "judge the spread")
	t.Step("%v", v)
	t.Expect(v.Fair()).To(BeTrue(), "%v by weights %v: %v", counts, byHost, v)
}
