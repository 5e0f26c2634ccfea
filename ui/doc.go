// Package ui is the console: a full-screen terminal view of the devices of a world,
// one at a time, with a prompt that speaks to the device's serial port.
//
// It owns the terminal from New until Run returns or Restore is called, and what it
// keeps for the next run (StateDir). It sees a device only through the event stream
// (World.Subscribe) and snapshots (Device.Snapshot, Device.Inspect.HeapSnapshot,
// Device.Names), all copies, and acts on it only through inputs sent to the world
// (World.Send). It holds no logic of the device and must not reach into one.
//
// Two goroutines meet here. The world's goroutine hands over events and snapshots
// through a feed, which never blocks: what does not fit is dropped and counted. The
// console's goroutine (Run) owns everything else; what others want of it goes
// through its inbox. It draws when something has changed, at most thirty times a
// second.
//
// How it is put together; each name is a type, in the file of that name unless
// another one is given:
//
//	Console   the program around it: what the terminal reports goes in (input), a
//	          frame comes out (draw), and in between the world is asked (tick)
//	terminal  the screen, the mouse, and giving them back
//	requests  what the world is asked, bounded; inbox: functions from other goroutines
//
//	devices   the devices of the world and the one on show
//	page      one device: its feed, model and views, when it is asked for a snapshot
//	feed      the way from the world's goroutine to the console's
//	model     what is known of a device: last snapshot, heap, log, serial, hints
//	typist    types lines to a device, when it can take them
//
//	window    the panes: which stands where (layout), which has the focus or is alone
//	views     heapView, socketView, timerView, pinView, logView: each draws a part of
//	          the model in a pane; table and canvas draw for them
//	header    what is always in sight; footer: the keys that work, or a message
//	prompt    the line that is typed, its history and completion; paste, line: an editor
//	boxes     what stands in front, and so where a key goes: menu, overlay, question,
//	          completion list
//
//	actions   the table of every key and what it does; help, palette, footer and tests
//	          read it. What it calls are methods of the types above, and of pace-,
//	          board-, network-, heap-, socket-, pin- and logActions, each of which
//	          acts with an actor: the device on show, requests and boxes
//	theme     colours by meaning, and glyphs, for the terminal at hand
package ui
