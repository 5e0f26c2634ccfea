package pixbuf

// Shift says how to move a part of a buffer. All is in bytes: the part begins at Offset
// and has Window, and By is no more than that.
type Shift struct {
	Left, Circular     bool
	By, Offset, Window int
}

// moved is how many bytes a circular shift moves at a time.
const moved = 32

// Shift moves values. The firmware moves more than 32 bytes circularly in steps, and with
// each but the first works behind the part. It reports whether that was behind the buffer,
// where other memory is, which is taken for zeros here (oracle: modules-pixbuf.json,
// pixbuf/038).
func (b *Buffer) Shift(s Shift) (beyond bool) {
	if !s.Circular {
		part := b.Values[s.Offset:][:s.Window]
		if s.Left {
			copy(part, part[s.By:])
			clear(part[s.Window-s.By:])
		} else {
			copy(part[s.By:], part)
			clear(part[:s.By])
		}
		return false
	}
	memory := append(b.Values[:len(b.Values):len(b.Values)], make([]byte, s.Window)...)
	for at, rest := s.Offset, s.By; ; {
		now := min(rest, moved)
		part := memory[at:][:s.Window]
		beyond = beyond || at+s.Window > len(b.Values)
		var out [moved]byte
		if s.Left {
			copy(out[:], part[:now])
			copy(part, part[now:])
			copy(part[s.Window-now:], out[:now])
		} else {
			copy(out[:], part[s.Window-now:])
			copy(part[now:], part)
			copy(part, out[:now])
		}
		at += now
		if rest -= now; rest == 0 {
			break
		}
	}
	copy(b.Values, memory)
	return beyond
}
