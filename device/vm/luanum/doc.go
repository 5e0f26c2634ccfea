// Package luanum is the arithmetic of text and numbers in the firmware's Lua
// 5.1 (float build): how a number prints, which texts are numbers, how a number
// becomes one of C's 32-bit integers, and what C's printf makes of one value.
//
// It knows nothing of Lua values or of the VM.
package luanum
