// Package peer is a host in a world that is written in Go: the server that a
// device talks to, the client that talks to a device, the other end of a
// broadcast. Tests, examples and benchmarks of Lua programs use it instead of
// something on the real network, in virtual time and without a socket of the host.
//
//	server := peer.New(world.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
//	server.Listen(80, func(c *peer.Conn) {
//		c.OnData = func(data []byte) { c.Write(data) }
//	})
//
// A host has an address on the wire and the TCP/IP stack of a desktop (package
// world/lwip with its parameters): 64 KB windows, an ACK for every segment.
//
// Nothing blocks. Whatever happens calls a function that was set before, on the
// goroutine that runs the world, at the virtual time at which it happens; and every
// method must be called there, or before the world runs.
//
// The package knows the wire and the stack. It knows nothing of devices or Lua.
//
// This package is stable: docs/go.md.
package peer
