// Package ets is the system that Lua runs under on the chip (the SDK's event,
// timer and task scheduler, with its CPU time and its software watchdog): software
// timers, received packets, tasks by priority, one piece of work at a time; what
// each takes of the CPU; and when the watchdog bites.
//
// It knows neither Lua nor the device: who executes Lua is a CPU that counts, and
// what follows from a reset or a bite is its Host's business.
package ets
