package gateway

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
)

// Network is the host's network as the gateway commands it. What comes of a command
// is an input to the gateway. *hostnet.Network is the real one; one that does nothing
// takes its place when the inputs of a run are given to a world again.
type Network interface {
	Publish(hostnet.Publication) (netip.AddrPort, error)

	// Dial makes a connection. Once there is one, Read and Write are each called
	// again only when what they did is known.
	Dial(hostnet.Conn, netip.AddrPort)
	Read(hostnet.Conn)
	Write(c hostnet.Conn, data [][]byte)
	CloseWrite(hostnet.Conn)
	CloseConn(hostnet.Conn)
	ResetConn(hostnet.Conn)

	OpenSocket(hostnet.Socket, netip.AddrPort)
	SendDatagram(s hostnet.Socket, data []byte)
	CloseSocket(hostnet.Socket)

	Lookup(q hostnet.Query, name string)

	Close()
}

var _ Network = (*hostnet.Network)(nil)
