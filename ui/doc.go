// Package ui is the console: a full-screen terminal view of the devices of a world,
// one at a time, with a prompt that speaks to the device's serial port.
//
// It owns the terminal from New until Run returns or Restore is called, and what it
// keeps for the next run (StateDir). It sees a device only through the event stream
// (World.Subscribe) and snapshots (Device.Snapshot, Device.HeapSnapshot,
// Device.Names), all copies, and acts on it only through functions posted to the
// world's clock. It holds no logic of the device and must not reach into one.
//
// Two goroutines meet here. The world's goroutine hands over events and snapshots
// through a feed, which never blocks: what does not fit is dropped and counted. The
// console's goroutine (Run) owns everything else; what others want of it goes
// through its inbox. It draws when something has changed, at most thirty times a
// second.
//
// How it is put together:
//
//	feed      the way from the world's goroutine to the console's; inbox: from any
//	model     what is known of a device: last snapshot, history, log, hints
//	views     heap, sockets, timers, pins, log: each draws a part of the model
//	page      one device: its feed, model and views
//	layout    which view stands where, for a terminal of any size
//	actions   every key and what it does; help, footer, palette and tests read it
//	doing     what the actions do; logdoing, heapdoing, links and complete likewise
//	boxes     overlay (help, details), menu (palette, choices), question (a line)
//	theme     colours by meaning, and glyphs, for the terminal at hand
package ui
