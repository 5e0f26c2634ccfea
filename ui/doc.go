// Package ui is the console: a full-screen terminal view of one running device,
// with a prompt that speaks to its serial port.
//
// It owns the terminal from New until Run returns or Restore is called. It sees
// the device only through the event stream (World.Subscribe) and snapshots
// (Device.Snapshot), both copies, and acts on it only through functions posted to
// the world's clock. It holds no logic of the device and must not reach into one.
//
// Two goroutines meet here. The world's goroutine hands over events and snapshots
// through the feed, which never blocks: what does not fit is dropped and counted.
// The console's goroutine (Run) owns everything else. It draws when something has
// changed, at most thirty times a second.
//
// How it is put together:
//
//	feed      the way from the world's goroutine to the console's
//	model     what is known of the device: last snapshot, history, log
//	views     heap, sockets, timers, pins, log: each draws a part of the model
//	layout    which view stands where, for a terminal of any size
//	actions   every key and what it does; help, footer and tests read this table
//	theme     colours by meaning, and glyphs, for the terminal at hand
package ui
