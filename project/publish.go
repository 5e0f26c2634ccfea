package project

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Publish is a port of the device that is to be reachable from the host.
type Publish struct {
	// Host is the host's address or name to listen on.
	Host string
	// HostPort is the port there; 0 takes any that is free.
	HostPort int
	// Port is the device's port.
	Port int
	// UDP tells datagrams from TCP connections.
	UDP bool
}

// defaultHost is where published ports listen unless told otherwise: this
// machine only.
const defaultHost = "127.0.0.1"

// ParsePublish reads "[HOST:]HOSTPORT:PORT[/udp]". An IPv6 HOST stands in
// brackets.
func ParsePublish(text string) (Publish, error) {
	bad := func(why string) (Publish, error) {
		return Publish{}, fmt.Errorf("%s; write [HOST:]HOSTPORT:PORT[/udp], such as 8080:80", why)
	}
	p := Publish{Host: defaultHost}
	rest, proto, ok := strings.Cut(text, "/")
	switch {
	case ok && proto == "udp":
		p.UDP = true
	case ok && proto != "tcp":
		return bad("the protocol is tcp or udp")
	}
	cut := strings.LastIndexByte(rest, ':')
	if cut < 0 {
		return bad("the device's port is missing")
	}
	var err error
	if p.Port, err = port(rest[cut+1:]); err != nil || p.Port == 0 {
		return bad("the device's port is a number from 1 to 65535")
	}
	rest = rest[:cut]
	if cut = strings.LastIndexByte(rest, ':'); cut >= 0 {
		p.Host = rest[:cut]
		rest = rest[cut+1:]
		if inner, ok := strings.CutPrefix(p.Host, "["); ok && strings.HasSuffix(inner, "]") {
			p.Host = strings.TrimSuffix(inner, "]")
			if a, err := netip.ParseAddr(p.Host); err != nil || !a.Is6() {
				return bad("what stands in brackets is an IPv6 address")
			}
		} else if p.Host == "" || strings.ContainsAny(p.Host, ":[] \t/") {
			return bad("HOST is an address of this machine or its name; IPv6 in brackets")
		}
	}
	if p.HostPort, err = port(rest); err != nil {
		return bad("the host's port is a number from 0 to 65535")
	}
	return p, nil
}

// port reads a port number in plain decimal digits.
func port(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err
}

// UnmarshalText is ParsePublish.
func (p *Publish) UnmarshalText(text []byte) error {
	var err error
	if *p, err = ParsePublish(string(text)); err != nil {
		return fmt.Errorf("cannot publish %q: %w", text, err)
	}
	return nil
}

// String returns p as ParsePublish reads it.
func (p Publish) String() string {
	s := net.JoinHostPort(p.Host, strconv.Itoa(p.HostPort)) + ":" + strconv.Itoa(p.Port)
	if p.UDP {
		s += "/udp"
	}
	return s
}
