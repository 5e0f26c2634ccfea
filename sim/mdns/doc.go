// Package mdns is the firmware module mdns: a responder that makes a device and
// its service known by multicast DNS (fw: docs/modules/mdns.md, app/modules/mdns.c,
// app/net/nodemcu_mdns.c).
//
//	mdns.register(hostname [, {port=80, service="http", description=hostname, …}])
//	mdns.close()
//
// Other keys of the table, at most ten, become the service's attributes (TXT);
// platform=nodemcu is added unless one begins with platform=. register joins the group
// 224.0.0.251, announces the service and its type there, the service again every 280 s
// and the type with every twelfth, and answers questions on UDP port 5353: for
// hostname.local, for the service type, for the service, and for the list of service
// types. A question in a packet from port 5353 is answered to the group, one that asks for
// a unicast answer or comes from another port to whoever asked, with times to live of at
// most 10 s.
//
// # What surprises, and is kept
//
//   - register needs an address: "No network connection" otherwise. It is the station's,
//     but in access point mode.
//   - A question for the beginning of a name is one for the name: "fishtank", "_http._tcp".
//   - After a question of a packet that is answered to the group, all further ones of that
//     packet are, too.
//   - Known answers, the response flag and the class of a question make no difference.
//     Packets of fewer than 26 or more than 512 bytes are ignored: a question for a host
//     name of one letter is 25 bytes.
//   - With station and access point on, each packet to the group is sent a second time with
//     the IP and UDP headers of the first in front of it, which nobody understands; and
//     from the first on, the good one goes out on the access point's side.
//   - A service that does not fit 528 bytes is never sent, and nobody is told; here the
//     device emits a hint. Labels of more than 63 bytes are sent as they are.
//   - A pointer to itself in a question hangs the device.
//   - close sends no goodbye and does not leave the group.
//
// The firmware asks nobody: net.dns and connect send names that end in .local to
// the DNS server like any other. A device finds another by a query of its own,
// over a UDP socket; Go code by LookupLocal of package world/peer.
package mdns
