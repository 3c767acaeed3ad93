package frontdoor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say where a Door listens.
type Options struct {
	// Addresses are the IPs that serve every host without an Address of its own;
	// none means 127.0.0.1.
	Addresses []string
	// Ports: 0 picks a free one, the same on every address; a negative one is not opened.
	HTTPSPort, MQTTSPort, AMQPSPort int
	Logger                          *slog.Logger
	Timeouts                        Timeouts
	// MaxHandshakes bounds the connections whose TLS handshake is not done; 0 means 2048.
	MaxHandshakes int
}

// Timeouts of a Door. A zero field means its default.
type Timeouts struct {
	Handshake  time.Duration // from accept to the end of the TLS handshake; 10 s
	Idle       time.Duration // an HTTP connection between requests; 2 min
	HeaderRead time.Duration // an HTTP request's header; 10 s
	Body       time.Duration // an HTTP request, from its first byte to the last of its body; 30 s
	Write      time.Duration // one write to an HTTP connection; 30 s
	Shutdown   time.Duration // what Close and Remove leave to connections before they cut them; 5 s
}

func (t Timeouts) withDefaults() Timeouts {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Handshake, 10 * time.Second}, {&t.Idle, 2 * time.Minute}, {&t.HeaderRead, 10 * time.Second},
		{&t.Body, 30 * time.Second}, {&t.Write, 30 * time.Second}, {&t.Shutdown, 5 * time.Second},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return t
}

// Ports are the ports that a Door opened; 0 is one that it did not.
type Ports struct{ HTTPS, MQTTS, AMQPS int }

// Door is a set of listeners and the hosts behind them.
type Door struct {
	timeouts  Timeouts
	logger    *slog.Logger
	addresses []string
	ports     [protocols]int // 0: not opened
	everyIP   bool           // a shared address is a wildcard and so takes the hosts' own addresses too
	listeners []net.Listener
	greeting  *tls.Config
	lobby     lobby
	web       *web // nil without an HTTPS port

	ctx    context.Context // ends when Close cuts what is left
	cancel context.CancelFunc
	wg     sync.WaitGroup // accept loops, handshakes and streams, the HTTP server

	mu       sync.RWMutex
	closed   bool
	byName   map[string]*hosted
	own      map[netip.Addr]*hosted
	fallback *hosted
	hosts    []*hosted
}

// Listen opens the ports on every shared address. A port that is taken is an error that
// names address and port.
func Listen(o Options) (*Door, error) {
	if len(o.Addresses) == 0 {
		o.Addresses = []string{"127.0.0.1"}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxHandshakes == 0 {
		o.MaxHandshakes = 2048
	}
	d := &Door{
		timeouts:  o.Timeouts.withDefaults(),
		logger:    o.Logger,
		addresses: slices.Clone(o.Addresses),
		byName:    map[string]*hosted{},
		own:       map[netip.Addr]*hosted{},
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.greeting = &tls.Config{GetConfigForClient: d.greet}
	d.lobby.init(o.MaxHandshakes, d.timeouts.Handshake)
	for _, address := range o.Addresses {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return nil, fmt.Errorf("listen address %q is no IP address; give one such as 127.0.0.1", address)
		}
		d.everyIP = d.everyIP || ip.IsUnspecified()
	}
	var opened [protocols][]net.Listener
	for p, port := range [protocols]int{https: o.HTTPSPort, mqtts: o.MQTTSPort, amqps: o.AMQPSPort} {
		if port < 0 {
			continue
		}
		listeners, err := openEverywhere(protocol(p), o.Addresses, port)
		if err != nil {
			closeAll(d.listeners)
			return nil, err
		}
		d.ports[p] = listeners[0].Addr().(*net.TCPAddr).Port
		d.listeners = append(d.listeners, listeners...)
		opened[p] = listeners
	}
	if len(opened[https]) > 0 {
		d.web = newWeb(d, opened[https][0].Addr())
		d.wg.Go(d.web.serve)
	}
	for p, listeners := range opened {
		for _, l := range listeners {
			d.wg.Go(func() { d.accept(l, protocol(p), nil) })
		}
	}
	return d, nil
}

// Ports are the ports in use.
func (d *Door) Ports() Ports {
	return Ports{HTTPS: d.ports[https], MQTTS: d.ports[mqtts], AMQPS: d.ports[amqps]}
}

// Addresses are the shared addresses.
func (d *Door) Addresses() []string { return slices.Clone(d.addresses) }

// ErrClosed is the error of Add on a Door that was closed.
var ErrClosed = errors.New("the front door is closed")

// Add lets a host in. Its names must be new; only one host may be the default. A host
// with an Address gets listeners of its own on the ports of the door.
func (d *Door) Add(h *Host) error {
	hosted, err := newHosted(d, h)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	for _, name := range hosted.names {
		if d.byName[name] != nil {
			return fmt.Errorf("host name %q is taken; give another", name)
		}
	}
	if h.Default && d.fallback != nil {
		return fmt.Errorf("%s is already the default host; only one can be", d.fallback.name)
	}
	if hosted.address.IsValid() {
		if d.own[hosted.address] != nil {
			return fmt.Errorf("address %s belongs to %s; give another", hosted.address, d.own[hosted.address].name)
		}
		if slices.Contains(d.addresses, hosted.address.String()) {
			return fmt.Errorf("address %s is shared by all hosts; give another, or none", hosted.address)
		}
		if err := d.openOwn(hosted); err != nil {
			return err
		}
		d.own[hosted.address] = hosted
	}
	if h.Default {
		d.fallback = hosted
	}
	for _, name := range hosted.names {
		d.byName[name] = hosted
	}
	d.hosts = append(d.hosts, hosted)
	return nil
}

// openOwn opens the ports on a host's own address. d.mu is held.
func (d *Door) openOwn(h *hosted) error {
	if d.everyIP { // they take it in, and tell it by its local address
		return nil
	}
	for p, port := range d.ports {
		if port == 0 {
			continue
		}
		l, err := open(protocol(p), h.address.String(), port)
		if err != nil {
			closeAll(h.listeners)
			return err
		}
		h.listeners = append(h.listeners, l)
	}
	i := 0
	for p, port := range d.ports {
		if port == 0 {
			continue
		}
		l := h.listeners[i]
		i++
		d.wg.Go(func() { d.accept(l, protocol(p), h) })
	}
	return nil
}

// Remove takes a host away: it closes the host's listeners and connections and waits for
// them, and for nobody else's. Requests in flight get Timeouts.Shutdown to finish.
func (d *Door) Remove(h *Host) error {
	d.mu.Lock()
	i := slices.IndexFunc(d.hosts, func(one *hosted) bool { return one.Host == h })
	if i < 0 {
		d.mu.Unlock()
		return errors.New("the host is not behind this front door")
	}
	gone := d.hosts[i]
	d.hosts = slices.Delete(d.hosts, i, i+1)
	for _, name := range gone.names {
		delete(d.byName, name)
	}
	if d.fallback == gone {
		d.fallback = nil
	}
	if gone.address.IsValid() {
		delete(d.own, gone.address)
	}
	d.mu.Unlock()

	closeAll(gone.listeners)
	return gone.shutdown(context.Background())
}

// Close ends everything: listeners, handshakes, connections. Requests in flight get
// Timeouts.Shutdown to finish. It returns when all of it has ended, or ctx.
func (d *Door) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	hosts := slices.Clone(d.hosts)
	d.mu.Unlock()

	closeAll(d.listeners)
	for _, h := range hosts {
		closeAll(h.listeners)
	}
	d.lobby.close()
	errs := make([]error, len(hosts))
	var leaving sync.WaitGroup
	for i, h := range hosts {
		leaving.Go(func() { errs[i] = h.shutdown(ctx) })
	}
	leaving.Wait()
	d.cancel()
	if d.web != nil {
		d.web.close()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.wg.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("close the front door: connections are still open: %w", ctx.Err()))
	}
	return errors.Join(errs...)
}

// owner is the host whose own address that is, or nil.
func (d *Door) owner(address netip.Addr) *hosted {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.own[address]
}

// named is the host that answers to name on the shared addresses, or nil.
func (d *Door) named(name string) *hosted {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if h := d.byName[strings.ToLower(name)]; h != nil && !h.address.IsValid() {
		return h
	}
	return d.fallback
}
