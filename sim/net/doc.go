// Package net is the firmware module `net`: TCP servers and sockets, UDP sockets,
// DNS, interface information, ping and multicast membership (fw: app/modules/net.c,
// docs/modules/net.md). It is only the Lua face: argument checks, error messages,
// callbacks and how long objects live. What goes over the network is package
// lwip's business; what the modules that use the network share, package sockets'.
//
// # Functions
//
//	net.createServer([timeout])        a server; timeout in seconds, default 30
//	net.createConnection()             a TCP socket
//	net.createUDPSocket()              a UDP socket
//	net.dns.resolve(name, fn(sk, ip))  sk is nil; ip is nil when there is none
//	net.dns.setdnsserver(ip [, i])     i is 0 or 1
//	net.dns.getdnsserver([i])
//	net.ifinfo([i])                    0 station, 1 access point: {hwaddr, ip, netmask, gateway, dhcp}
//	net.ping(host [, count], fn(bytes, ip, seq, ms) [, sent(ip, requests, lost, bytes, ms)])
//	net.multicastJoin(if_ip, group), net.multicastLeave(if_ip, group)
//	net.TCP, net.UDP                   1 and 2; createServer takes no type any more
//
//	server:listen([port] [, ip], fn(socket))   server:close()   server:getaddr()
//
//	socket:connect(port [, host] [, fn])  socket:send(data [, fn])  socket:close()
//	socket:on(event, fn)                  connection, reconnection, disconnection,
//	                                      receive, sent, dns; nil removes it
//	socket:hold()  socket:unhold()  socket:dns(name [, fn])  socket:ttl([n])
//	socket:getpeer()  socket:getaddr()
//
//	udp:listen([port] [, ip])  udp:send(port, ip, data [, fn])  udp:close()
//	udp:on(event, fn)  udp:dns(name [, fn])  udp:ttl([n])  udp:getaddr()
//
// # What surprises, and is kept because programs meet it
//
//   - send only queues. Data leaves when a segment of the connection has been
//     processed, so at once inside a callback of the socket, but up to 250 ms later
//     from a timer, a task or the prompt.
//   - send takes at most 2920 bytes that are not acknowledged yet; more is "out of
//     memory" and nothing of it is queued. The length counts modulo 65536.
//   - sent fires once per received segment that acknowledges data, not once per
//     send.
//   - receive fires once per TCP segment.
//   - close inside receive resets the connection and loses what send has queued:
//     the window is given back only when the handler has returned.
//   - connect inside disconnection or reconnection makes a connection whose events
//     never come: the socket is let go after the handler. Connect from a task.
//   - handlers and hold survive close and reconnect. A handler that holds its own
//     socket as an upvalue keeps it for ever.
//   - a SYN is ignored when exactly five connections are established.
//   - a second listener on a port is "out of memory"; createServer(net.TCP, 30)
//     means a timeout of one second.
//   - a name that does not resolve: dns(nil), then connect goes on to
//     255.255.255.255 and ends with -8 after 6 s. An answer that says "no such
//     name" is ignored for 7 s.
//   - there is no half-close: the peer's FIN is answered at once with ours.
//   - an error in a callback of this module is a panic of the device, whatever
//     node.setonerror says; only those of ping go to onerror.
//   - of several pings at a time the newest gets all answers, and the others count
//     theirs as lost.
//
// In a legacy build the constructors take a type and UDP sockets have a peer, as before
// release 3.0: see legacy.go. In others a hint says what such a call means today.
//
// Where one of these makes data or a connection vanish, or keeps a socket for
// ever, the device emits a hint.
//
// # How long objects live
//
// A server is anchored from listen to close; a socket from connect, or from being
// accepted, until its end event has been handled or close was called, and while a
// name is being looked up; a UDP socket from listen or the first send to close.
// Otherwise an object that Lua does not hold is collected: a connected socket is
// then reset, a server or UDP socket closed.
package net
