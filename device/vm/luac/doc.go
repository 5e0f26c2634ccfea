// Package luac is the firmware's Lua 5.1 compiler: source text in, prototypes
// out, in one pass, with the instructions, constants, registers and line
// information that the firmware's own compiler makes, with its limits and its
// messages, and with an account of the memory it takes on the way.
//
// gopher-lua executes almost the same instruction set, but its own compiler makes
// other code of it: more instructions (so other sizes), other registers (so other
// garbage is held), other evaluation orders, other messages. Compiling as the
// firmware does removes all of these at once.
//
// The package knows nothing of gopher-lua and nothing of the VM.
// Sources: fw: app/lua/lparser.c, lcode.c, llex.c (behaviour);
// oracle: memory-snippets.json (instruction counts and opcodes of 468 prototypes).
package luac
