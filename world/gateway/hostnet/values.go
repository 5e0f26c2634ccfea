package hostnet

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Conn is the number of a TCP connection. Those that devices make have positive ones,
// which the world gives; those that the host's clients make have negative ones. No
// number is used twice.
type Conn int64

// Socket is the number of a datagram socket: positive for one through which a device
// sends out, which the world gives, negative for a client of a published port.
type Socket int64

// Query is the number of a look-up, which the world gives.
type Query int64

// Accepted: a client of the host has connected to the published port of a device.
type Accepted struct {
	Conn   Conn
	Device string
	Port   uint16
}

// Dialed: a connection that was asked for exists, or does not.
type Dialed struct {
	Conn    Conn
	Outcome Outcome
}

// Outcome says how an attempt to connect went.
type Outcome string

// The outcomes.
const (
	Connected Outcome = "connected"
	Refused   Outcome = "refused" // also: reset at once
	Silent    Outcome = "silent"  // no answer, no route
)

// Received: data have come over a connection, in answer to Read.
type Received struct {
	Conn Conn
	Data []byte
}

// Ended: the host's end of a connection sends no more, in answer to Read.
type Ended struct{ Conn Conn }

// Written: the host has taken as many bytes, which is all that Write was given.
type Written struct {
	Conn Conn
	N    int
}

// Broken: a connection was reset, or fails for another reason.
type Broken struct{ Conn Conn }

// Datagram: an answer has come to a device's socket.
type Datagram struct {
	Socket Socket
	Data   []byte
}

// SocketFailed: a socket could not be opened.
type SocketFailed struct{ Socket Socket }

// ClientDatagram: a client of the host has sent a datagram to the published port of
// a device.
type ClientDatagram struct {
	Socket Socket
	Device string
	Port   uint16
	Data   []byte
}

// Resolved: the answer to a look-up.
type Resolved struct {
	Query  Query
	Answer Answer
	Addrs  []netip.Addr
}

// Answer says what became of a look-up.
type Answer string

// The answers.
const (
	Found      Answer = "found"
	NoSuchName Answer = "no such name"
	Failed     Answer = "failed"
)

// Closed: the network was closed. Nothing comes from it any more, nobody answers.
type Closed struct{}

// The names of the kinds, in files.

func (Accepted) Kind() string       { return "gateway-accepted" }
func (Dialed) Kind() string         { return "gateway-dialed" }
func (Received) Kind() string       { return "gateway-received" }
func (Ended) Kind() string          { return "gateway-ended" }
func (Written) Kind() string        { return "gateway-written" }
func (Broken) Kind() string         { return "gateway-broken" }
func (Datagram) Kind() string       { return "gateway-datagram" }
func (SocketFailed) Kind() string   { return "gateway-socket-failed" }
func (ClientDatagram) Kind() string { return "gateway-client-datagram" }
func (Resolved) Kind() string       { return "gateway-resolved" }
func (Closed) Kind() string         { return "gateway-closed" }

// Kinds has a value of each kind, for those who read them from files.
var Kinds = []world.Stimulus{
	Accepted{}, Dialed{}, Received{}, Ended{}, Written{}, Broken{},
	Datagram{}, SocketFailed{}, ClientDatagram{}, Resolved{}, Closed{},
}
