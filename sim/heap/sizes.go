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
	LocalVarSize     = 12 // only while compiling
	UpvalueNameSize  = 4  // only while compiling
	ThreadHeader     = 112
	StackSlot        = 12
	CallInfoSize     = 24
	GlobalState      = 388 // lua_State and global_State, one block
	StringTableSlot  = 4
	BufferPieceSize  = 256 // luaL_Buffer, on the C stack (LUAL_BUFFERSIZE)
	ConcatBufferMin  = 32
	MaxCStackResults = 8000 // LUAI_MAXCSTACK: unpack fails from here on
)

// BootBytes is what Lua uses at the first prompt with the default modules, and
// BootBlocks in how many blocks. Source: oracle: memory-sizes.json, "boot".
const (
	BootBytes  = 4459
	BootBlocks = 75
)

// PromptFree is the free heap of a default build at the prompt; DefaultSize is
// the heap that leaves it: what Lua holds then, in 16-byte-header blocks, and
// the free rest. Source: fw: docs/lfs.md ("typically 44 KB"); oracle:
// memory-sizes.json, boot.with_16_byte_headers.
const (
	PromptFree  = 44 * 1024
	DefaultSize = PromptFree + 5816
)

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
// information in bytes (LineInfoSize).
func ProtoSize(instructions, constants, nested, lineInfo int) int {
	return ProtoHeader + InstructionSize*instructions + ConstantSize*constants +
		NestedProtoSize*nested + lineInfo
}

// lineRunMax is the longest run of instructions one line-info entry covers.
const lineRunMax = 126

// LineInfoSize is the number of bytes of packed line information for
// instructions that stand on the given lines: one byte for each run of at most
// 126 on the same line, the distance to the previous run's line where it is not
// one, and a terminating zero.
// Source: oracle: memory-sizes.json, "line_info".
func LineInfoSize(lines []int) int {
	var li LineInfo
	for _, l := range lines {
		li.Add(l)
	}
	return li.Size()
}

// LineInfo is the packed line information of a function being compiled.
type LineInfo struct {
	bytes     int
	line, run int // of the current run
}

// Add counts one more instruction, on the given line.
func (l *LineInfo) Add(line int) {
	if l.run == 0 || line != l.line || l.run == lineRunMax {
		l.bytes += 1 + lineDeltaSize(line-l.line-1)
		l.line, l.run = line, 0
	}
	l.run++
}

// Size is the number of bytes, with the terminating zero.
func (l *LineInfo) Size() int { return l.bytes + 1 }

// lineDeltaSize is the length of one encoded distance: 6 bits in the first
// byte, 7 in each further one.
func lineDeltaSize(d int) int {
	switch {
	case d == 0:
		return 0
	case d > 0:
		d--
	default:
		d = -d - 1
	}
	n := 1
	for d >>= 6; d > 0; d >>= 7 {
		n++
	}
	return n
}

// CeilLog2 is the smallest k with 2^k >= n, for n >= 1.
func CeilLog2(n int) int {
	k := 0
	for 1<<k < n {
		k++
	}
	return k
}

// SizeHint is the number of slots or nodes a table constructor asks for when it
// has n items: the instruction holds it as m·2^k with m in 8..15, rounded up.
// Source: oracle: memory-sizes.json, table_growth.constructor.
func SizeHint(n int) int {
	k := 0
	for n >= 16 {
		n = (n + 1) >> 1
		k++
	}
	return n << k
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
