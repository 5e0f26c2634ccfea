// Package mdns is the firmware module mdns: a responder that makes a device and
// its service known by multicast DNS (fw: docs/modules/mdns.md, app/modules/mdns.c,
// app/net/nodemcu_mdns.c).
//
//	mdns.register(hostname [, {port=80, service="http", description=hostname, …}])
//	mdns.close()
//
// Other keys of the table, at most ten, become the service's attributes (TXT);
// platform=nodemcu is added to them. register announces the device to the group
// 224.0.0.251 at once and every two minutes, and answers queries on UDP port 5353:
// for hostname.local, for the service type, for the service, and for the list of
// service types.
//
// # What surprises, and is kept
//
//   - register needs an address: "No network connection" otherwise. With the
//     station and the access point on, it is the station's.
//   - Only the first question of a query is looked at, names are compared with
//     upper and lower case told apart, and queries shorter than 26 or longer than
//     512 bytes are ignored.
//   - Every answer about the host or its service has all four records, PTR, TXT,
//     SRV and A, and goes to whoever asked, not to the group.
//   - What does not fit 528 bytes is never sent, and nobody is told; here the
//     device emits a hint.
//   - close does not leave the multicast group.
//
// The firmware asks nobody: net.dns and connect send names that end in .local to
// the DNS server like any other. A device finds another by a query of its own,
// over a UDP socket; Go code by LookupLocal of package world/peer.
package mdns
