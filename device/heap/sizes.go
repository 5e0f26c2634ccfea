package heap

// Sizes in bytes of the firmware's Lua objects.
// Source: oracle: memory-sizes.json, "objects" and "abi".
const (
	StringHeader     = 16 // plus the bytes and a terminating zero
	UserdataHeader   = 24
	TableHeader      = 32
	ArraySlot        = 12 // one TValue: declared packed, so not 16
	HashNode         = 32 // 12 value + 4 padding + 16 key
	ClosureHeader    = 20 // Lua and C closures
	LuaClosureUpval  = 4  // pointer to an upvalue cell
	CClosureUpval    = 12 // a value
	UpvalueCell      = 24 // open or closed
	ProtoHeader      = 72
	InstructionSize  = 4
	ConstantSize     = 12
	NestedProtoSize  = 4
	LocalVarSize     = 12 // of a local variable's name; by default only while compiling
	UpvalueNameSize  = 4  // of an upvalue's name; by default only while compiling
	ThreadHeader     = 112
	StackSlot        = 12
	CallInfoSize     = 24
	StringTableSlot  = 4
	ConcatBufferMin  = 32
	MaxCStackResults = 8000 // LUAI_MAXCSTACK: unpack fails from here on
)

// BootBytes is what Lua uses at the first prompt with the default modules. Source:
// oracle: memory-sizes.json, "boot".
const BootBytes = 4459

// PromptFree is the free heap of a default build at the prompt. Source: fw:
// docs/lfs.md ("typically 44 KB").
const PromptFree = 44 * 1024

// StringSize is the size of an interned string of n bytes.
func StringSize(n int) int { return StringHeader + n + 1 }

// UserdataSize is the size of a userdata with n bytes of content.
func UserdataSize(n int) int { return UserdataHeader + n }

// ClosureSize is the size of a Lua closure with n upvalues.
func ClosureSize(n int) int { return ClosureHeader + LuaClosureUpval*n }

// CClosureSize is the size of a native closure with n upvalues. Without any it
// is a light function value and costs nothing.
func CClosureSize(n int) int {
	if n == 0 {
		return 0
	}
	return ClosureHeader + CClosureUpval*n
}

// ProtoSize is the size of a function prototype. lineInfo is the packed line
// information in bytes.
func ProtoSize(instructions, constants, nested, lineInfo int) int {
	return ProtoHeader + InstructionSize*instructions + ConstantSize*constants +
		NestedProtoSize*nested + lineInfo
}

// CeilLog2 is the smallest k with 2^k >= n, for n >= 1.
func CeilLog2(n int) int {
	k := 0
	for 1<<k < n {
		k++
	}
	return k
}

// UnpackHint decodes the size field of a NEWTABLE instruction: m·2^k.
func UnpackHint(fb int) int {
	if e := fb >> 3; e > 0 {
		return (fb&7 + 8) << (e - 1)
	}
	return fb
}

// StringHash is the firmware's hash of a string: all bytes up to 31, then every
// second, and so on. Source: oracle: memory-sizes.json, table_growth.string_hash.
func StringHash(s string) uint32 {
	h := uint32(len(s))
	step := len(s)>>5 + 1
	for i := len(s); i >= step; i -= step {
		h ^= h<<5 + h>>2 + uint32(s[i-1])
	}
	return h
}
