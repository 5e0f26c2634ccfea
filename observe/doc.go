// Package observe holds the subscribers to a world's event stream that write
// down or judge what happens: the log of a headless run, JSON lines, and the
// expected and forbidden texts of a test run.
//
// It sees a device only through its events. It does not steer the world: who
// wants a run to end when an expectation is met passes a function that does.
package observe
