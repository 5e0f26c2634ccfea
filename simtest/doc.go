// Package simtest tests programs for the NodeMCU firmware from Go: on the device's own
// Lua, heap, network and time, in milliseconds.
//
//	func TestGreeting(t *testing.T) {
//		d := simtest.Boot(t, "app", simtest.Board("d1-mini"))
//		r, err := d.HTTP().Get("http://device/")
//		...
//	}
//
// [Boot] switches a device on whose flash has the files of a directory. It lives in a
// world of its own that nothing of this computer's network reaches ([Net] changes that),
// on a board that nodemcu-sim.toml or an option says. What a test does to it are methods:
// what comes over the network ([Device.HTTP], [Device.Dial], [Device.Peer]), at the serial
// port ([Device.Expect], [Device.Type], [Device.Lua]), at pins and buttons ([Device.Pin],
// [Device.Press]), and what happens around it ([Device.Link], [Device.WiFiDown],
// [Device.PowerCycle]).
//
// # Time
//
// Time is virtual, and it passes only in calls: in those that wait for something, and in
// [Device.Advance]. Between two calls the world stands still, and an hour without anything
// to do takes no time. Durations are time.Duration, rounded down to the microsecond, which is
// the unit of the world's clock; moments are dates of the world, [Device.Now]. A deadline of
// a connection is one of these: c.SetDeadline(d.Now().Add(time.Second)). What has no
// deadline of its own waits for a virtual minute, or what [Timeout] says, so nothing waits
// for ever. What reads this computer's clock does not fit: http.Client.Timeout, a
// context's deadline.
//
// The same test with the same [Seed] gives the same run, to the microsecond and the byte:
// the network of the world has no goroutine, no socket and no clock of this computer.
// [Net]("host") gives that up.
//
// # Failures
//
// A test fails, at the call in which it happens, when a program dies: of an error that
// nothing catches (in init.lua, a callback, a task, or a line that is typed), a panic, the
// reset of a watchdog or of an exception. The message has Lua's file:line, and the device's
// log follows: what it has printed with the resets, hints and post-mortems between. pcall
// catches, and so does a function given to node.setonerror. An error that is meant to
// happen is announced: [Device.ExpectError]. node.restart(), deep sleep and the reset button
// never count.
//
// A call that cannot do its work (a text that is not printed, a button that the board
// lacks) fails the test as t.Fatal does. A method that returns an error returns that instead,
// and the program's death, too, of which the test then fails at its next call, or at its end.
//
// # Who calls
//
// A device and its world belong to one goroutine. Several clients at the same time, and
// servers that read and write as usual, are functions that take turns, again without
// chance: [Device.Together], [Device.Serve]. What is called back while the world runs
// ([Device.Events], the functions of a peer.Conn) must not wait for anything.
//
// [New] is for programs without a testing.TB, as Examples are.
//
// This package is stable: docs/go.md.
package simtest
