package hostserial

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Spec says where a device's serial port is offered.
type Spec struct {
	Device string // "": the first one
	Kind   Kind
	Link   string // Pty: a symbolic link to the pseudo-terminal, "" for none
	Host   string // TCP
	Port   int    // TCP; 0: any free one
}

// Kind is what a program finds.
type Kind string

// The kinds.
const (
	Pty   Kind = "pty"
	TCP   Kind = "tcp"
	Stdio Kind = "stdio"
)

// loopback is where a TCP port is open unless another address is given.
const loopback = "127.0.0.1"

// ParseSpec reads [DEVICE=]pty[:LINK], [DEVICE=]tcp:[HOST:]PORT or [DEVICE=]stdio.
func ParseSpec(text string) (Spec, error) {
	var s Spec
	rest := text
	// The name of a link may have a "=", a kind has none.
	if name, after, ok := strings.Cut(text, "="); ok && !strings.Contains(name, ":") {
		if name == "" {
			return s, errors.New("put the device's name before the =")
		}
		s.Device, rest = name, after
	}
	kind, where, given := strings.Cut(rest, ":")
	s.Kind = Kind(kind)
	switch {
	case s.Kind == Stdio && !given:
	case s.Kind == Pty:
		if s.Link = where; given && where == "" {
			return s, errors.New("name the link after pty:, or leave the colon out")
		}
	case s.Kind == TCP:
		host, port := loopback, where
		if strings.Contains(where, ":") {
			var err error
			if host, port, err = net.SplitHostPort(where); err != nil || host == "" {
				return s, errors.New("use tcp:PORT or tcp:HOST:PORT, an IPv6 address in brackets")
			}
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return s, errors.New("the port is a number from 0, which is any free one, to 65535")
		}
		s.Host, s.Port = host, int(n)
	default:
		return s, errors.New("use pty, pty:LINK, tcp:PORT, tcp:HOST:PORT or stdio, of a further device with DEVICE= before it")
	}
	return s, nil
}

// where names the port in messages.
func (s Spec) where() string {
	if s.Kind == TCP {
		return fmt.Sprintf("tcp:%s", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	}
	return string(s.Kind)
}
