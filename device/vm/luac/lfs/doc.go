// Package lfs knows the image of the Lua Flash Store: prototypes, their constants
// and code, and all strings they refer to, laid out as the firmware has them in
// memory, so that it runs them where they lie in flash.
//
//	Build      modules to an image, as luac.cross lays it out
//	Image      its two files: relocatable (-f) and absolute (-a)
//	Read       a file of either kind to an image
//	Decode     what lies in flash to modules
//
// An image is a list of little-endian words:
//
//	header     8 words: Header, and two of zero
//	buckets    the string table, a power of two
//	strings    next in the bucket, type and mark, hash, length, bytes, zero, padding
//	functions  from the inside out; of each its children's addresses, constants, code,
//	           names of locals and upvalues if it has them, and its record; the last
//	           is the index (see Index)
//
// In the relocatable form an address is a distance in words from the start, and
// a bitmap behind the image tells which words are addresses.
//
// The package owns the format. What the device's loader checks, in which order and
// with which messages, is not here.
// Source: oracle: lfs-format.md; fw: app/lua/luac_cross/lflashimg.c, app/lua/lflash.h.
package lfs
