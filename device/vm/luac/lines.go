package luac

// Packed line information, byte for byte as the firmware keeps and dumps it:
// runs of instructions on one line, each a count of at most 126, after the
// distance from the line that follows the run before where there is one:
//
//	[1sdddddd [1ddddddd]...] 0ccccccc
//
// s is set for a way back, the d are the distance less one, lowest bits first. A
// zero ends it.
// Source: fw: app/lua/lcode.c (luaK_code, luaK_fixline), ldebug.c (luaG_getline).
const (
	lineDelta   = 0x80
	lineBack    = 0x40
	lineFirst   = 0x3f // distance in the first byte
	lineFurther = 0x7f // distance in each further one
	lineMaxRun  = 126
	lineFill    = 0x7f // unused bytes, which end the information as a zero does
)

// lineWriter packs the lines of a function while it is compiled. It repeats what
// the firmware's code does to its bytes, so also where that is not the shortest
// way: a run taken back and put on the line before it stays a run of its own, and
// taking back a distance of more than 64 lines goes wrong there, too.
type lineWriter struct {
	packed []byte // without the zero
	line   int    // of the last run
	run    int    // where its count is
	next   int    // the instruction that has no line yet
}

// size is the number of bytes, with the terminating zero.
func (w *lineWriter) size() int { return len(w.packed) + 1 }

// set gives instruction pc, the next or again the last, its line.
func (w *lineWriter) set(pc, line int) {
	switch {
	case pc < w.next:
		w.fix(line)
	case line == w.line && len(w.packed) > 0 && w.packed[w.run] < lineMaxRun:
		w.packed[w.run]++
	default:
		w.begin(line)
	}
	w.next = pc + 1
}

func (w *lineWriter) begin(line int) {
	if d := line - w.line - 1; d != 0 {
		first := byte(lineDelta)
		if d < 0 {
			first |= lineBack
			d = -d
		}
		d--
		w.packed = append(w.packed, first|byte(d&lineFirst))
		for d >>= 6; d > 0; d >>= 7 {
			w.packed = append(w.packed, lineDelta|byte(d&lineFurther))
		}
	}
	w.packed = append(w.packed, 1)
	w.line, w.run = line, len(w.packed)-1
}

// fix moves the last instruction to another line.
func (w *lineWriter) fix(line int) {
	if line == w.line {
		return
	}
	if w.packed[w.run] > 1 {
		w.packed[w.run]--
		w.begin(line)
		return
	}
	isDelta := func(i int) bool { return i >= 0 && w.packed[i]&lineDelta != 0 }
	delta, i := 0, w.run-1
	for isDelta(i) {
		code := w.packed[i]
		if i--; isDelta(i) {
			delta += int(code&lineFurther) << 7 // it should be 6
			continue
		}
		if delta += int(code&lineFirst) + 1; code&lineBack != 0 {
			delta = -delta
		}
	}
	w.packed = w.packed[:i+1]
	w.line -= delta + 1
	w.run = i
	w.begin(line)
}

// unpackLines returns the line of each of n instructions, 0 where the
// information does not say.
func unpackLines(packed []byte, n int) []int {
	lines := make([]int, n)
	var line int32
	for pc := 0; pc < n && len(packed) > 0 && packed[0] != 0 && packed[0] != lineFill; {
		d := int32(-1)
		if b := packed[0]; b&lineDelta != 0 {
			d = int32(b & lineFirst)
			packed = packed[1:]
			for shift := 6; len(packed) > 0 && packed[0]&lineDelta != 0; shift += 7 {
				d += int32(packed[0]&lineFurther) << min(shift, 31)
				packed = packed[1:]
			}
			if b&lineBack != 0 {
				d = -d - 2
			}
			if len(packed) == 0 {
				break
			}
		}
		line += d + 2
		for i := packed[0]; i > 0 && pc < n; i-- {
			lines[pc] = int(max(line, 0))
			pc++
		}
		packed = packed[1:]
	}
	return lines
}
