package mqttfront_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/dpslab/dpslab/internal/mqttserver"
	"github.com/dpslab/dpslab/internal/vectors"
)

const (
	filter   = "$dps/registrations/res/#"
	register = "$dps/registrations/PUT/iotdps-register/?$rid="
	poll     = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid="
)

func TestADeviceFromRegisterToAssigned(t *testing.T) {
	for _, qos := range []byte{0, 1} {
		d := open(t).connected()
		if granted := d.subscribe(filter, qos); granted != qos {
			t.Fatalf("QoS %d is granted as %d", qos, granted)
		}
		d.publish(register+"7", qos, "")
		first, doc := d.answer()
		if first.TopicName != "$dps/registrations/res/202/?$rid=7&retry-after=3" || first.Qos != qos || first.Retain || first.Dup ||
			doc.Status != "assigning" || doc.OperationID == "" || doc.RegistrationState != nil {
			t.Errorf("register: %v %s", first, first.Payload)
		}
		d.publish(poll+"8%2F&operationId="+doc.OperationID, qos, " ")
		last, state := d.answer()
		if last.TopicName != "$dps/registrations/res/200/?$rid=8%2F" || last.Qos != qos ||
			state.Status != "assigned" || state.RegistrationState == nil || state.RegistrationState.AssignedHub != "hub-a.azure-devices.net" {
			t.Errorf("poll: %v %s", last, last.Payload)
		}
		d.quiet()
	}
}

func TestConnacks(t *testing.T) {
	l := open(t)
	for _, c := range []struct {
		rule, clientID, username, password string
		code                               byte
	}{
		{"a device", "dev-01", username, token("dev-01"), mqttserver.Accepted},
		{"with a client version", "dev-01", username + "&ClientVersion=a/1.0 (x)", token("dev-01"), mqttserver.Accepted},
		{"ids in another case", "DEV-01", strings.Replace(username, "dev-01", "Dev-01", 1), token("dev-01"), mqttserver.Accepted},
		{"no client id", "", username, token("dev-01"), mqttserver.IdentifierRejected},
		{"a client id of 129 characters", strings.Repeat("d", 129), username, token("dev-01"), mqttserver.IdentifierRejected},
		{"no user name", "dev-01", "", "", mqttserver.BadUsernameOrPassword},
		{"a malformed user name", "dev-01", "dev-01", token("dev-01"), mqttserver.BadUsernameOrPassword},
		{"no api-version", "dev-01", scope + "/registrations/dev-01/ClientVersion=a", token("dev-01"), mqttserver.BadUsernameOrPassword},
		{"an unknown api-version", "dev-01", scope + "/registrations/dev-01/api-version=1", token("dev-01"), mqttserver.BadUsernameOrPassword},
		{"another client id", "dev-02", username, token("dev-01"), mqttserver.NotAuthorized},
		{"neither password nor certificate", "dev-01", username, "", mqttserver.NotAuthorized},
		{"another device's token", "dev-01", username, token("dev-02"), mqttserver.NotAuthorized},
		{"a password that is no token", "dev-01", username, "secret", mqttserver.NotAuthorized},
		{"an unknown scope", "dev-01", strings.Replace(username, scope, "0ne00OTHER1", 1), token("dev-01"), mqttserver.NotAuthorized},
		{"an id that is none", "a b", scope + "/registrations/a b/api-version=2019-03-31", token("a b"), mqttserver.NotAuthorized},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := l.dial()
			d.t = t
			if code := d.connect(c.clientID, c.username, c.password); code != c.code {
				t.Errorf("CONNACK %d, want %d", code, c.code)
			}
			if c.code != mqttserver.Accepted {
				d.ends()
			}
		})
	}
}

func TestSubscriptions(t *testing.T) {
	d := open(t).connected()
	for _, c := range []struct {
		filter       string
		qos, granted byte
	}{
		{vectors.All().MQTT.ResponseFilter, 0, 0},
		{filter, 1, 1},
		{filter, 2, 1},
		{"$dps/registrations/res/200/#", 1, mqttserver.SubackFailure},
		{"$dps/registrations/#", 1, mqttserver.SubackFailure},
		{"#", 0, mqttserver.SubackFailure},
		{"devices/dev-01/messages/devicebound/#", 1, mqttserver.SubackFailure},
	} {
		if granted := d.subscribe(c.filter, c.qos); granted != c.granted {
			t.Errorf("%s at QoS %d: %d, want %d", c.filter, c.qos, granted, c.granted)
		}
	}
}

func TestRefusalsAreAnswers(t *testing.T) {
	d := open(t).connected()
	d.subscribe(filter, 1)
	for _, c := range []struct {
		rule, topic, body string
		code              int
	}{
		{"no JSON", register + "1", "{", 400004},
		{"another device's body", register + "1", `{"registrationId":"dev-02"}`, 400004},
		{"too much", register + "1", `{"payload":"` + strings.Repeat("x", 97<<10) + `"}`, 413000},
		{"a poll without an operation id", poll + "1", "", 400004},
		{"an operation that never was", poll + "1&operationId=5.0", "", 404203},
	} {
		d.publish(c.topic, 1, c.body)
		p, doc := d.answer()
		want := fmt.Sprintf("$dps/registrations/res/%d/?$rid=1", c.code/1000)
		if p.TopicName != want || doc.ErrorCode != c.code || doc.TrackingID == "" || doc.Message == "" || doc.Status != "" {
			t.Errorf("%s: %s %s", c.rule, p.TopicName, p.Payload)
		}
	}
	d.quiet()
}

func TestOneDevicesOperationIsNotAnothers(t *testing.T) {
	l := open(t)
	first := l.connected()
	first.subscribe(filter, 1)
	first.publish(register+"1", 1, "")
	_, doc := first.answer()

	second := l.dial()
	if code := second.connect("dev-02", strings.Replace(username, "dev-01", "dev-02", 1), token("dev-02")); code != 0 {
		t.Fatalf("CONNACK %d", code)
	}
	second.subscribe(filter, 1)
	second.publish(poll+"1&operationId="+doc.OperationID, 1, "")
	if p, refusal := second.answer(); refusal.ErrorCode != 404203 {
		t.Errorf("%s %s", p.TopicName, p.Payload)
	}
	first.quiet()
}

func TestWhatEndsAConnection(t *testing.T) {
	for rule, topic := range map[string]string{
		"a topic that is none of these": "devices/dev-01/messages/events/",
		"an answer's topic":             "$dps/registrations/res/200/?$rid=1",
		"no rid":                        "$dps/registrations/PUT/iotdps-register/?x=1",
		"a badly encoded operation id":  poll + "1&operationId=%zz",
	} {
		t.Run(rule, func(t *testing.T) {
			d := open(t).connected()
			d.subscribe(filter, 1)
			p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			p.TopicName, p.Qos, p.MessageID = topic, 1, 9
			d.send(p)
			d.ends()
		})
	}
}

func TestWhoHasNotSubscribedHearsNothing(t *testing.T) {
	l := open(t)
	d := l.connected()
	d.publish(register+"1", 1, "")
	<-l.answered
	d.quiet()

	d.subscribe(filter, 1)
	u := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
	u.MessageID, u.Topics = 9, []string{filter}
	d.send(u)
	next[*packets.UnsubackPacket](d)
	d.publish(poll+"2&operationId=5.0", 1, "")
	<-l.answered
	d.quiet()

	d.subscribe(filter, 1)
	d.publish(poll+"3&operationId=5.0", 1, "")
	if p, _ := d.answer(); !strings.HasSuffix(p.TopicName, "$rid=3") {
		t.Errorf("%s", p.TopicName)
	}
}
