// Package heap models the memory of the device: what every Lua object costs,
// how tables, the string table and stacks grow and shrink, how the allocator of
// the SDK lays blocks out, and what is left for whom.
//
// It is arithmetic over sizes. It owns no Lua value, knows nothing of Lua's
// objects, of sockets or of boards, and starts no collection by itself: the
// VM (device/vm) tells it what is created and what died, modules tell it what
// native memory they hold.
//
// Figures come from measurements of the firmware's own VM (nodemcu-firmware
// 3.0, Lua 5.1, double numbers); "oracle: memory-sizes.json" names that set.
// Tests compare the model with it.
package heap
