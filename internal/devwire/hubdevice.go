package devwire

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dpslab/dpslab/internal/dps"
)

// HubIdentity is who a device says it is at its hub.
type HubIdentity struct {
	DeviceID    string
	Key         []byte // decoded
	Certificate *tls.Certificate
	TPM         TPM // after it imported the key that came with the assignment (Answer.TPMKey)
	AMQP        HubAMQPStyle
}

// password is a token by the identity's key or its TPM's; "" with neither.
func (id HubIdentity) password(host string, now time.Time) (string, error) {
	if id.TPM == nil {
		return id.Token(host, now), nil
	}
	token, err := SAS{Resource: HubResource(host, id.DeviceID), Expiry: now.Add(tokenLife)}.SignedBy(id.TPM.Sign)
	if err != nil {
		return "", fmt.Errorf("sign with the tpm: %w", err)
	}
	return token, nil
}

// Token is a fresh token of the identity for a hub, valid for an hour from now; "" without
// a key.
func (id HubIdentity) Token(host string, now time.Time) string {
	if id.Key == nil {
		return ""
	}
	return SAS{Resource: HubResource(host, id.DeviceID), Key: id.Key, Expiry: now.Add(tokenLife)}.Token()
}

// Twin is a device's twin as the device sees it (iot-hub.md 1.8).
type Twin struct {
	Desired, Reported               json.RawMessage
	DesiredVersion, ReportedVersion int64
	Raw                             []byte
}

// HubError is a twin request that the hub refused, or telemetry that it rejected over AMQP.
type HubError struct {
	Status    int            // over AMQP, what the condition of a rejection stands for
	Document  *ErrorDocument // nil when the body is none
	Condition string         // of a rejection
}

func (e *HubError) Error() string {
	if e.Document == nil {
		return strings.TrimSpace(fmt.Sprintf("the hub answered %d %s", e.Status, e.Condition))
	}
	return fmt.Sprintf("the hub answered %d, %d %s", e.Status, e.Document.ErrorCode, e.Document.Message)
}

// HubDevice is a device at its hub over MQTT or MQTT over WebSocket.
type HubDevice struct {
	host     string
	id       HubIdentity
	client   *mqttClient
	requests requests[twinAnswer]
	desired  chan json.RawMessage
	methods  sync.WaitGroup

	mu     sync.Mutex
	handle func(name string, payload json.RawMessage) (status int, response any)
	closed bool
}

type twinAnswer struct {
	twinTopic
	body []byte
}

// desiredBacklog is how many desired patches are kept for a device that does not look.
const desiredBacklog = 64

// HubDevice connects, logs in and subscribes to twin answers and desired properties. A
// refused CONNACK is a *ConnectRefused.
func (w *Wire) HubDevice(ctx context.Context, t dps.Transport, ep Endpoint, id HubIdentity) (*HubDevice, error) {
	h := &HubDevice{host: ep.Host, id: id, desired: make(chan json.RawMessage, desiredBacklog)}
	password, err := id.password(ep.Host, w.clock().Now())
	if err != nil {
		return nil, err
	}
	l := login{clientID: id.DeviceID, username: HubUsername(ep.Host, id.DeviceID), password: password}
	// Ordered, for desired patches build on one another; hear does not block.
	client, err := w.openMQTT(ctx, t, ep, DialOptions{Certificate: id.Certificate}, l, true, h.hear)
	if err != nil {
		return nil, err
	}
	h.client = client
	for _, filter := range []string{TwinResponseFilter, DesiredFilter} {
		if err := client.subscribe(ctx, filter); err != nil {
			client.close()
			return nil, err
		}
	}
	return h, nil
}

// SendTelemetry publishes a message at QoS 1 and waits until the hub has taken it.
func (h *HubDevice) SendTelemetry(ctx context.Context, payload []byte, properties map[string]string) error {
	var err error
	unsent := h.client.wire.metered(ctx, Operation{Kind: ToHubAsDevice, Host: h.host, Device: h.id.DeviceID}, func() int {
		err = h.client.publish(ctx, TelemetryTopic(h.id.DeviceID, properties), payload)
		return 0
	})
	return cmp.Or(unsent, err)
}

// Twin reads the twin.
func (h *HubDevice) Twin(ctx context.Context) (Twin, error) {
	a, err := h.ask(ctx, TwinGetTopic, []byte{}, http.StatusOK)
	if err != nil {
		return Twin{Raw: a.body}, err
	}
	return parseTwin(a.body)
}

// Report merges patch into the reported properties and returns their new version.
func (h *HubDevice) Report(ctx context.Context, patch any) (version int64, err error) {
	body, err := json.Marshal(patch)
	if err != nil {
		return 0, notSent("reported properties: %w", err)
	}
	a, err := h.ask(ctx, ReportTopic, body, http.StatusNoContent)
	if err == nil && a.version == 0 {
		err = &Malformed{What: "the topic of a report's answer has no $version", Raw: a.body}
	}
	return a.version, err
}

func (h *HubDevice) ask(ctx context.Context, topic func(string) string, body []byte, want int) (twinAnswer, error) {
	a, err := h.requests.ask(ctx, h.client, topic, body)
	switch {
	case err != nil:
		return a, err
	case a.status == want:
		return a, nil
	case a.status < 300:
		return a, &Malformed{What: fmt.Sprintf("status %d where %d belongs", a.status, want), Raw: a.body}
	}
	document, err := parseErrorDocument(a.body)
	if err != nil {
		document = nil
	}
	return a, &HubError{Status: a.status, Document: document}
}

// Desired receives patches of the desired properties in order, from the connection on.
// The newest 64 are kept.
func (h *HubDevice) Desired() <-chan json.RawMessage { return h.desired }

// HandleMethods subscribes to direct methods and answers them with what handle returns,
// each on its own goroutine. A response that is nil sends an empty body.
func (h *HubDevice) HandleMethods(handle func(name string, payload json.RawMessage) (status int, response any)) error {
	h.mu.Lock()
	h.handle = handle
	h.mu.Unlock()
	return h.client.subscribe(context.Background(), MethodFilter)
}

// Lost is closed when the connection ends, by whichever side.
func (h *HubDevice) Lost() <-chan struct{} { return h.client.lost }

// Close disconnects and waits for the methods being handled. It returns no error.
func (h *HubDevice) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.client.close()
	h.methods.Wait()
	return nil
}

// hear takes whatever the hub publishes. It must not block.
func (h *HubDevice) hear(topic string, payload []byte) {
	switch {
	case strings.HasPrefix(topic, methodPrefix):
		h.hearMethod(topic, payload)
	case strings.HasPrefix(topic, desiredPrefix):
		h.hearDesired(payload)
	case strings.HasPrefix(topic, twinResponsePrefix):
		t, err := parseTwinTopic(topic)
		if err != nil {
			err = &Malformed{What: err.Error(), Raw: payload}
		}
		h.requests.deliver(t.rid, twinAnswer{t, payload}, err, topic)
	default:
		h.requests.deliver("", twinAnswer{body: payload},
			&Malformed{What: fmt.Sprintf("topic %q is none of a hub's", topic), Raw: payload}, topic)
	}
}

func (h *HubDevice) hearDesired(payload []byte) {
	keepNewest(h.desired, payload)
}

// keepNewest puts a patch into a channel that may be full: then the oldest goes.
func keepNewest(patches chan json.RawMessage, patch json.RawMessage) {
	for {
		select {
		case patches <- patch:
			return
		default:
		}
		select {
		case <-patches:
		default:
		}
	}
}

func (h *HubDevice) hearMethod(topic string, payload []byte) {
	name, rid, ok := parseMethodTopic(topic)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !ok || h.handle == nil || h.closed {
		return // without a $rid there is nothing to answer to
	}
	handle := h.handle
	h.methods.Go(func() {
		status, response := handle(name, payload)
		var body []byte
		if response != nil {
			var err error
			if body, err = json.Marshal(response); err != nil {
				status, body = http.StatusInternalServerError, nil
			}
		}
		// A caller that hears nothing sees a timeout at the hub; there is nobody here to
		// tell that the connection broke.
		h.client.publish(context.Background(), MethodResponseTopic(status, rid), body)
	})
}

func parseTwin(b []byte) (Twin, error) {
	t := Twin{Raw: b}
	m, err := parseMembers("the twin", b)
	if err == nil {
		t.Desired, t.DesiredVersion, err = parseCollection(m, "desired")
	}
	if err == nil {
		t.Reported, t.ReportedVersion, err = parseCollection(m, "reported")
	}
	if err != nil {
		return t, &Malformed{What: err.Error(), Raw: b}
	}
	return t, nil
}

// parseCollection reads one half of a twin, in which Python needs $version.
func parseCollection(twin members, name string) (json.RawMessage, int64, error) {
	collection, err := parseMembers(name, twin[name])
	if err != nil {
		return nil, 0, err
	}
	var version int64
	if err := collection.read("$version", &version); err != nil {
		return nil, 0, fmt.Errorf("%s.%w", name, err)
	}
	if version == 0 {
		return nil, 0, fmt.Errorf("%s has no $version", name)
	}
	return twin[name], version, nil
}
