// Package luac is the firmware's Lua 5.1 compiler: source text in, prototypes
// out, in one pass, with the instructions, constants, registers and line
// information that the firmware's own compiler makes, with its limits and its
// messages, and with an account of the memory it takes on the way.
//
// Another compiler would make other code: of other sizes, with other registers (so
// other garbage is held), other evaluation orders, other messages.
//
// It reads and writes precompiled chunks, and lists functions. It is luac.cross's compiler, too
// (CompileWith), with the numbers of a PC.
//
// The package knows nothing of the VM.
// Sources: fw: app/lua/lparser.c, lcode.c, llex.c (behaviour);
// oracle: memory-snippets.json (instruction counts and opcodes of 468 prototypes).
package luac
