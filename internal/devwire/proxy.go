package devwire

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// connectByProxy opens a connection as the proxy variables of the environment say. Only
// foreign targets are reached this way: within a lab the variables are ignored, so that
// neither a device's secret nor a verdict passes through somebody's proxy.
func connectByProxy(ctx context.Context, target string) (net.Conn, error) {
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(&url.URL{Scheme: "https", Host: target})
	if err != nil {
		// The error quotes the variable, which may hold a password.
		return nil, errors.New("the proxy variable of the environment is not a URL; correct or unset HTTPS_PROXY")
	}
	var d net.Dialer
	if proxy == nil {
		return d.DialContext(ctx, "tcp", target)
	}
	if proxy.Scheme != "http" {
		return nil, fmt.Errorf("a proxy by %q is not supported; use an http:// proxy or unset HTTPS_PROXY", proxy.Scheme)
	}
	address := proxy.Host
	if proxy.Port() == "" {
		address = net.JoinHostPort(proxy.Hostname(), "80")
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", address, err)
	}
	if err := tunnel(ctx, conn, target, proxy.User); err != nil {
		conn.Close()
		return nil, fmt.Errorf("proxy %s: %w", address, err)
	}
	return conn, nil
}

// tunnel asks a proxy on conn to connect it to target.
func tunnel(ctx context.Context, conn net.Conn, target string, user *url.Userinfo) error {
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if user != nil {
		password, _ := user.Password()
		request += "Proxy-Authorization: Basic " +
			base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return err
	}
	// The TLS client speaks next, so nothing of the tunnel can stand in this buffer.
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 64<<10)), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it refuses to connect to %s: %s", target, strings.TrimSpace(answer.Status))
	}
	return conn.SetDeadline(time.Time{})
}
