package heap

// What boot leaves behind: the firmware's start allocates and frees, and what is
// alive at the prompt lies between holes. Where a program's blocks find room, and
// so when memory runs out, depends on them.

// Part names a block of the heap at the prompt that may move or be freed later.
type Part string

// The parts of the heap at the prompt. "Head", "node" and "array" are the blocks of
// a table.
const (
	Hole         Part = "hole"
	Fixed        Part = "" // whatever stays where it is until the reset
	CallInfos    Part = "call infos"
	MainStack    Part = "stack"
	Strings      Part = "string table"
	Buffer       Part = "concat buffer"
	GlobalsHead  Part = "_G head"
	GlobalsNode  Part = "_G node"
	RegistryHead Part = "registry head"
	RegistryNode Part = "registry node"
	PackageHead  Part = "package head"
	PackageNode  Part = "package node"
	LoadedHead   Part = "package.loaded head"
	LoadedNode   Part = "package.loaded node"
	PreloadHead  Part = "package.preload head"
	LoadersHead  Part = "package.loaders head"
	LoadersArray Part = "package.loaders array"
	NewproxyHead Part = "newproxy's table head"
	NewproxyNode Part = "newproxy's table node"
)

// partSizes are the bytes asked for. Source: oracle: memory-sizes.json, boot.
var partSizes = map[Part]int{
	CallInfos:    8 * CallInfoSize,
	MainStack:    45 * StackSlot,
	Strings:      64 * StringTableSlot,
	Buffer:       ConcatBufferMin,
	GlobalsHead:  TableHeader,
	GlobalsNode:  16 * HashNode,
	RegistryHead: TableHeader,
	RegistryNode: 16 * HashNode,
	PackageHead:  TableHeader,
	PackageNode:  8 * HashNode,
	LoadedHead:   TableHeader,
	LoadedNode:   HashNode,
	PreloadHead:  TableHeader,
	LoadersHead:  TableHeader,
	LoadersArray: 4 * ArraySlot,
	NewproxyHead: TableHeader,
	NewproxyNode: HashNode,
}

// bootSpan is a part of the heap at the prompt with its length, header included.
type bootSpan struct {
	part   Part
	length int32
}

// bootSpans is the heap at the prompt from its beginning. No measurement lists the
// addresses. They are inferred from what was free, and how long the longest piece
// was, where the scripts of oracle: memory-oom.json failed in mode ALWAYS: the same
// allocations over these spans leave the same in all but five cases. The runs in
// mode ON_ALLOC_FAILURE were not used, and come out like that, too.
var bootSpans = map[Layout][]bootSpan{
	SDK16: {
		{Fixed, 408}, {CallInfos, 208}, {MainStack, 560}, {GlobalsHead, 48}, {Fixed, 80}, {RegistryHead, 48},
		{Fixed, 1056}, {RegistryNode, 528}, {PackageNode, 272}, {Fixed, 96}, {Hole, 88}, {Fixed, 232},
		{LoadersArray, 64}, {Fixed, 40}, {Hole, 40}, {Fixed, 48}, {Hole, 56}, {LoadersHead, 48}, {Fixed, 40},
		{PreloadHead, 56}, {Fixed, 176}, {Hole, 72}, {Fixed, 56}, {NewproxyHead, 48}, {Fixed, 80}, {Hole, 88},
		{Fixed, 40}, {LoadedHead, 48}, {Fixed, 40}, {PackageHead, 48}, {Fixed, 80}, {Hole, 128}, {Fixed, 88},
		{Hole, 112}, {Fixed, 120}, {NewproxyNode, 48}, {LoadedNode, 48}, {Hole, 56}, {Strings, 272},
		{GlobalsNode, 528}, {Hole, 40}, {Fixed, 40}, {Hole, 40}, {Fixed, 48}, {Hole, 184}, {Fixed, 136},
		{Hole, 40}, {Fixed, 96}, {Buffer, 48}, {Fixed, 48},
	},
	SDK8: {
		{Fixed, 400}, {CallInfos, 200}, {MainStack, 552}, {GlobalsHead, 40}, {Hole, 72}, {RegistryHead, 40},
		{Hole, 72}, {Fixed, 48}, {LoadersArray, 56}, {Fixed, 768}, {NewproxyHead, 56}, {Fixed, 168},
		{LoadedNode, 40}, {Fixed, 104}, {Hole, 96}, {Fixed, 40}, {LoadersHead, 40}, {PreloadHead, 40},
		{Fixed, 144}, {Hole, 80}, {Fixed, 184}, {Hole, 112}, {Fixed, 40}, {Buffer, 40}, {Fixed, 104},
		{GlobalsNode, 520}, {Fixed, 80}, {Hole, 96}, {Fixed, 104}, {NewproxyNode, 48}, {PackageNode, 264},
		{Fixed, 80}, {Hole, 40}, {Fixed, 40}, {LoadedHead, 40}, {Hole, 24}, {Strings, 264}, {Fixed, 152},
		{Hole, 64}, {PackageHead, 40}, {Hole, 216}, {RegistryNode, 520},
	},
}

// fixedBlock is how long a block in a Fixed span is taken to be, in bytes. Assumed:
// headers and rounding are 20 bytes a block, so Lua's memory at the prompt is some 75
// blocks, of which 58 lie in those spans.
const fixedBlock = 56

// SDKBlocks is how many blocks the SDK and the firmware have taken below Lua's: the
// partition table twice, three task queues, the station and its interface (6). Source:
// oracle: sdk-behaviour.md, 2.1, without those whose size is computed.
const SDKBlocks = 11

// Boot is the heap at the prompt: the blocks of its parts, and what everything
// else takes.
type Boot struct {
	blocks map[Part]Block
	fixed  int
}

// Take returns the block of a part. It must be asked for once; a part that
// nobody takes stays where it is.
func (b *Boot) Take(p Part) Block {
	blk := b.blocks[p] // none, for ""
	delete(b.blocks, p)
	return blk
}

// Rest is how many bytes of the heap the parts take that nobody has taken.
func (b *Boot) Rest() int {
	n := b.fixed
	for _, blk := range b.blocks {
		n += blk.Length()
	}
	return n
}

// Boot lays out what Lua holds at the prompt in the free space at the heap's
// end. In a heap too small for it nothing has a place. spared are the sizes of what
// it makes otherwise and does not with an image in the flash store: what lies behind
// moves down (assumed; nobody has measured a boot with one).
func (h *Heap) Boot(spared ...int) *Boot {
	b := &Boot{blocks: map[Part]Block{}}
	less := 0
	for _, n := range spared {
		if h.layout != Ideal {
			n = h.length(n)
		}
		less += n
	}
	if h.layout == Ideal {
		b.fixed = BootBytes - less
		for p, n := range partSizes {
			b.blocks[p] = Block{int32(n), int32(n), 1}
			b.fixed -= n
		}
		h.used += BootBytes - less
		return b
	}
	at, length := 0, 0
	h.spans(func(g, n int) { at, length = g, n })
	spans := bootSpans[h.layout]
	if used, total := BootLengths(h.layout); total > length*granule || h.used+used > h.size {
		return b
	}
	h.remove(at, length)
	h.spots.used += SDKBlocks
	for _, s := range spans {
		n := int(s.length) / granule
		switch s.part {
		case Hole:
			h.add(at, n)
		case Fixed:
			spare := max(min(less, int(s.length)-fixedBlock), 0) / granule // each span stays
			less -= spare * granule
			n -= spare
			b.fixed += n * granule
			for i := 0; i < n; i += fixedBlock / granule {
				h.spots.putUsed(at + i)
			}
		default:
			h.spots.putUsed(at)
			b.blocks[s.part] = Block{int32(partSizes[s.part]), s.length, int32(at*granule) + 1}
		}
		if s.part != Hole {
			h.used += n * granule
		}
		at += n
		length -= n
	}
	h.add(at, length)
	return b
}

// BootLengths is how many bytes of the heap Lua takes at the prompt, and how far
// that reaches with its holes. A heap smaller than that boots nothing.
func BootLengths(l Layout) (used, total int) {
	if l == Ideal {
		return BootBytes, BootBytes
	}
	for _, s := range bootSpans[l] {
		total += int(s.length)
		if s.part != Hole {
			used += int(s.length)
		}
	}
	return used, total
}
