// Package lwip is the TCP/IP stack of one simulated host: the connections (PCBs)
// with their send queues, windows and timers, UDP, the DNS client, and as much of
// ICMP as peers can see. With the parameters of Device it behaves as the lwIP 1.4
// fork in the firmware does, to the tick and to the byte of heap; with those of
// Desktop the same engine is a far end with larger buffers.
//
// A Stack owns its PCBs and the packets in its queues. It reaches its
// surroundings only through Host: time, timers, memory, random numbers, and a way
// to put packets on a wire. It knows nothing of Lua, of devices, or of what a
// script may do; package net is the Lua face.
//
// Everything runs on the goroutine that runs the world. Callbacks are called from
// within Input and the timers, and may call back into the stack, as with lwIP's
// raw API; the Err values they return mean what they mean there.
//
// How it works, and what surprises in it:
//
//   - Write only queues. Output happens when a received segment has been
//     processed for the connection, on each slow tick (250 ms), when a delayed
//     ACK is due, on Close, and when the owner calls Output. The firmware's net
//     module never calls Output.
//   - The tick runs only while there are connections; its phase comes from lwIP's
//     list of relative timeouts, see timers.go.
//   - An owner that returns ErrAbort from a callback ends the processing of the
//     segment at once: nothing is sent in answer to it. The net module does that
//     for connections that the script has closed.
//
// Written from: app/lwip/core and app/include/lwip of the firmware (commit
// 36cbf9f0) for the rules, and the oracle's measurements (net-behaviour.md,
// net-constants.json) where the two could differ.
package lwip
