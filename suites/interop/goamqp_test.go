package interop_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/Azure/go-amqp"
	"github.com/coder/websocket"

	"github.com/dpslab/dpslab/internal/clock"
)

func TestGoAMQP(t *testing.T) {
	testAMQPClient(t, amqpClient{
		name:       "go-amqp",
		transports: []string{"amqp", "amqp-ws"},
		registered: func(t *testing.T, transport string, id identity) registered {
			state, err := registerByGoAMQP(t, transport, id)
			if err != nil {
				t.Fatalf("%v\nthe lab's record of %s:\n%s", err, id.registration, record(t, id.registration))
			}
			return state
		},
		refused: func(t *testing.T, transport string, id identity) refused {
			_, err := registerByGoAMQP(t, transport, id)
			var rejected *amqp.Error
			switch {
			case err == nil:
				return refused{message: "it was not refused"}
			case errors.As(err, &rejected):
				return refused{name: string(rejected.Condition), message: rejected.Description}
			}
			return refused{name: fmt.Sprintf("%T", err), message: err.Error()}
		},
		wrongKey:         refused{name: "*errors.errorString", message: "SASL PLAIN auth failed with code 0x1"},
		wrongCertificate: refused{name: "amqp:unauthorized-access", message: `"errorCode":401002`},
	})
}

// registerByGoAMQP is a device in one piece, over go-amqp alone: nothing here is of devwire.
func registerByGoAMQP(t *testing.T, transport string, id identity) (state registered, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), programTime)
	defer cancel()
	address := os.Getenv("DPSLAB_ID_SCOPE") + "/registrations/" + id.registration
	conn, err := dialForGoAMQP(ctx, transport, id)
	if err != nil {
		return state, err
	}
	defer conn.Close()
	options := &amqp.ConnOptions{HostName: os.Getenv("DPSLAB_DPS_HOST")}
	if key := id.value("SYMMETRIC_KEY"); key != "" {
		options.SASLType = amqp.SASLTypePlain(address, sasToken(address, key))
	}
	client, err := amqp.NewConn(ctx, conn, options)
	if err != nil {
		return state, err
	}
	defer client.Close()
	session, err := client.NewSession(ctx, nil)
	if err != nil {
		return state, err
	}
	version := map[string]any{"com.microsoft:api-version": "2021-06-01"}
	receiver, err := session.NewReceiver(ctx, address, &amqp.ReceiverOptions{Properties: version})
	if err != nil {
		return state, err
	}
	sender, err := session.NewSender(ctx, address, &amqp.SenderOptions{Properties: version})
	if err != nil {
		return state, err
	}

	request := amqp.NewMessage(must(json.Marshal(map[string]any{"registrationId": id.registration})))
	request.ApplicationProperties = map[string]any{"iotdps-operation-type": "iotdps-register"}
	for {
		correlation := rand.Text()
		request.Properties = &amqp.MessageProperties{CorrelationID: correlation}
		if err := sender.Send(ctx, request, nil); err != nil {
			return state, err
		}
		answer, err := receiver.Receive(ctx, nil)
		if err != nil {
			return state, err
		}
		if err := receiver.AcceptMessage(ctx, answer); err != nil {
			return state, err
		}
		if answer.Properties == nil || answer.Properties.CorrelationID != correlation {
			return state, fmt.Errorf("the answer's properties are %+v instead of correlation-id %s", answer.Properties, correlation)
		}
		var told struct {
			OperationID, Status string
			RegistrationState   registered
		}
		if err := json.Unmarshal(answer.GetData(), &told); err != nil {
			return state, err
		}
		switch told.Status {
		case "assigned":
			return told.RegistrationState, nil
		case "assigning":
		default:
			return state, fmt.Errorf("the status is %q", told.Status)
		}
		seconds, ok := answer.ApplicationProperties["retry-after"].(int32)
		if !ok {
			return state, fmt.Errorf("the answer's application properties are %v, without a retry-after", answer.ApplicationProperties)
		}
		if err := clock.Wait(ctx, clock.System(), time.Duration(seconds)*time.Second); err != nil {
			return state, err
		}
		request = &amqp.Message{ApplicationProperties: map[string]any{
			"iotdps-operation-type": "iotdps-get-operationstatus", "iotdps-operation-id": told.OperationID,
		}}
	}
}

// dialForGoAMQP connects by TLS, with the device's certificate if it has one, and opens a
// WebSocket in that for amqp-ws.
func dialForGoAMQP(ctx context.Context, transport string, id identity) (net.Conn, error) {
	roots, err := labRoots()
	if err != nil {
		return nil, err
	}
	host := os.Getenv("DPSLAB_DPS_HOST")
	config := &tls.Config{RootCAs: roots, ServerName: host}
	if file := id.value("CERTIFICATE"); file != "" {
		pair, err := tls.LoadX509KeyPair(file, id.value("KEY"))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if transport == "amqp" {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(host, "5671"))
	}
	socket, response, err := websocket.Dial(ctx, "wss://"+host+"/$iothub/websocket", &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
		Subprotocols: []string{"AMQPWSB10"},
	})
	if err != nil {
		return nil, err
	}
	if response.Header.Get("Sec-WebSocket-Protocol") != "AMQPWSB10" {
		return nil, fmt.Errorf("the subprotocol is %q", response.Header.Get("Sec-WebSocket-Protocol"))
	}
	return websocket.NetConn(ctx, socket, websocket.MessageBinary), nil
}

// sasToken is a device's token for the next hour.
func sasToken(address, key string) string {
	resource := url.QueryEscape(address)
	expiry := strconv.FormatInt(clock.System().Now().Add(time.Hour).Unix(), 10)
	signature := base64.StdEncoding.EncodeToString(signed(key, resource+"\n"+expiry))
	return "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(signature) + "&se=" + expiry + "&skn=registration"
}
