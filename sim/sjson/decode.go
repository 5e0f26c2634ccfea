package sjson

import (
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// What a decoder takes, in bytes (fw: app/modules/sjson.c, JSN_DATA; app/sjson/jsonsl.h,
// jsonsl_st and jsonsl_state_st, built without JSON pointers (assumed)).
const (
	decoderData = 56
	parserData  = 92
	levelData   = 32
	decoderSize = decoderData + parserData + maxDepth*levelData
)

// decoder is what is in an sjson.decoder. What it has made so far is referenced,
// level by level.
type decoder struct {
	parser
	null      vm.Ref
	result    vm.Ref // a table that holds the value at 1
	metatable vm.Ref
	path      vm.Ref // the list of keys for checkpath, if the metatable has one
	key       vm.Ref // the key whose value comes next
	buffer    vm.Ref // the text from position kept on

	text     string // what is in buffer
	kept     int    // position in the whole text
	needed   int    // from which position on the text is needed
	complete bool
	failed   bool
	gone     bool // its __gc has run
}

// collected is __gc. A program that calls it itself leaves an object that the firmware
// must not meet again.
func (m *module) collected(d *decoder) {
	if d.gone {
		m.crashGone()
		return
	}
	d.gone = true
	d.freeWork(m.d.VM)
	m.d.VM.Unref(&d.result)
}

func (m *module) crashGone() {
	m.d.Crash("the program has called __gc of an sjson object: the firmware goes on with what is not there any more")
}

// freeWork lets go of what only decoding needs.
func (d *decoder) freeWork(v *vm.VM) {
	for i := range d.levels {
		v.Unref(&d.levels[i].table)
	}
	v.Unref(&d.metatable)
	v.Unref(&d.key)
	v.Unref(&d.null)
	v.Unref(&d.path)
	v.Unref(&d.buffer)
	d.text = ""
}

// newDecoder is sjson.decoder([options]).
func (m *module) newDecoder(c *vm.Call) int {
	m.pushDecoder(c, 1)
	return 1
}

// pushDecoder makes a decoder with the options in argument n and leaves it on the stack:
// of a call without arguments it is the first.
func (m *module) pushDecoder(c *vm.Call, n int) *decoder {
	opts, hasOptions := c.Arg(n).(*vm.Table)
	if hasOptions {
		c.Index(opts, vm.String("depth")) // the firmware looks at the table itself then: 0
	}
	d := &decoder{parser: newParser()}
	c.Push(c.VM.NewObject(m.decoder, decoderSize, d))
	d.null = c.VM.Ref(c.VM.NullPointer(), "sjson decoder null")
	d.result = c.VM.Ref(c.NewTable(0, 0), "sjson decoder result")
	if !hasOptions {
		return d
	}
	c.VM.Unref(&d.null)
	d.null = c.VM.Ref(c.Index(opts, vm.String("null")), "sjson decoder null")
	mt := c.Index(opts, vm.String("metatable"))
	if mt == vm.Nil {
		return d
	}
	d.metatable = c.VM.Ref(mt, "sjson decoder metatable")
	if c.Index(mt, vm.String("checkpath")) != vm.Nil {
		d.path = c.VM.Ref(c.NewTable(0, 0), "sjson decoder path")
	}
	return d
}

// decode is sjson.decode(text[, options]).
func (m *module) decode(c *vm.Call) int {
	d := m.pushDecoder(c, 2)
	n := m.feed(c, d, c.String(1))
	if n != 1 {
		c.Error("Incomplete JSON object passed to sjson.decode")
	}
	return n
}

// decoderWrite is sjson.decoder:write(text).
func (m *module) decoderWrite(c *vm.Call) int {
	d := c.Object(1, m.decoder).(*decoder)
	return m.feed(c, d, c.String(2))
}

// decoderResult is sjson.decoder:result().
func (m *module) decoderResult(c *vm.Call) int {
	return m.resultOf(c, c.Object(1, m.decoder).(*decoder))
}

func (m *module) resultOf(c *vm.Call, d *decoder) int {
	switch {
	case !d.complete:
		c.Error("decode not complete")
	case d.gone:
		m.crashGone()
		return 0
	}
	return c.Return(c.VM.RawGetInt(c.VM.DerefTable(d.result), 1))
}

// feed takes a piece of text. It returns the value if it is complete, else no
// result.
func (m *module) feed(c *vm.Call, d *decoder, piece string) int {
	if d.failed {
		c.Error("JSON parse error: previous call")
	}
	if d.gone {
		m.crashGone()
		return 0
	}
	if !d.complete {
		d.keep(c, piece)
		c.VM.ChargeSteps(len(piece) / parsedPerStep)
		switch problem := d.feed(piece, builder{m, c, d}); {
		case problem == lost:
			m.d.Crash("a checkpath or __newindex has written to the decoder that calls it: the firmware has lost its place in the text")
			return 0
		case problem != "" && !d.complete: // what follows the value may be anything
			d.failed = true
			c.Error("JSON parse error: %s", problem)
		}
	}
	if !d.complete {
		return 0
	}
	d.freeWork(c.VM)
	return m.resultOf(c, d)
}

// keep adds a piece to the text that is kept, and drops what is not needed any more.
func (d *decoder) keep(c *vm.Call, piece string) {
	if d.buffer != 0 {
		b := lualib.NewBuffer(c)
		b.String(d.from(d.needed))
		d.kept = d.needed
		c.VM.Unref(&d.buffer)
		b.Value(piece)
		piece = b.Result()
	}
	d.text = piece
	d.buffer = c.VM.Ref(vm.String(d.text), "sjson decoder text")
}

// What parsing takes of the device, in VM instructions: an estimate, since nobody has
// measured it.
const (
	parsedPerStep = 4  // bytes parsed in the time of one
	valueSteps    = 10 // for making a value and storing it, or a table and ending it
)

// builder makes Lua values of what the parser finds.
type builder struct {
	m *module
	c *vm.Call
	d *decoder
}

// begin is called at the start of each value and key: of a list or object the table is
// made and stored in the one around it.
func (b builder) begin(s *level) {
	s.table = 0 // a reference that is still there after an error is lost in the firmware, too
	if s.kind == list || s.kind == object {
		b.beginTable(s)
	}
	b.d.needed = s.begin
}

func (b builder) beginTable(s *level) {
	c, d := b.c, b.d
	c.VM.ChargeSteps(valueSteps)
	t := c.NewTable(0, 0)
	switch mt := c.VM.Deref(d.metatable).(type) {
	case *vm.Table:
		c.VM.SetMetatable(t, mt)
	default:
		if mt != vm.Nil {
			b.m.d.Crash("a %s is no metatable, and the firmware takes it for one", c.VM.TypeName(mt))
			c.Raise("metatable")
		}
	}
	s.table = c.VM.Ref(t, "sjson decoder table")
	s.used = 0
	top := c.Top()
	parent := b.parent(s)
	key := b.pushKey(s)
	if d.path != 0 && s.depth > 1 {
		c.VM.RawSet(c.VM.DerefTable(d.path), vm.Number(s.depth-1), key)
	}
	wanted := true
	if d.path != 0 {
		if check := c.Index(c.VM.Deref(d.metatable), vm.String("checkpath")); check != vm.Nil {
			answer := c.Invoke(check, 1, c.VM.Deref(s.table), c.VM.Deref(d.path))[0]
			wanted = answer != vm.Nil && answer != vm.False
		}
	}
	if wanted {
		c.SetIndex(parent, key, c.VM.Deref(s.table))
	}
	c.SetTop(top)
}

// end is called at the end of each value and key.
func (b builder) end(s *level) {
	c, d := b.c, b.d
	c.VM.ChargeSteps(valueSteps)
	top := c.Top()
	switch s.kind {
	case hashKey:
		d.key = c.VM.Ref(vm.String(b.text(s)), "sjson decoder key")
	case str:
		parent := b.parent(s)
		key := b.pushKey(s)
		c.SetIndex(parent, key, vm.String(b.text(s)))
	case special:
		value := b.special(s)
		parent := b.parent(s)
		c.SetIndex(parent, b.pushKey(s), value)
	case list, object:
		c.VM.Unref(&s.table)
		if d.path != 0 {
			c.VM.RawSet(c.VM.DerefTable(d.path), vm.Number(s.depth), vm.Nil)
		}
		if s.depth == 1 {
			d.complete = true
		}
	}
	c.SetTop(top)
}

// parent is the table around a level.
func (b builder) parent(s *level) vm.Value {
	if s.depth == 1 {
		return b.c.VM.Deref(b.d.result)
	}
	return b.c.VM.Deref(b.d.levels[s.depth-1].table)
}

// pushKey leaves on the stack at which key the table around a level takes its value.
func (b builder) pushKey(s *level) vm.Value {
	d := b.d
	if d.key != 0 {
		key := b.c.VM.Deref(d.key)
		b.c.Push(key)
		b.c.VM.Unref(&d.key)
		return key
	}
	n := 1
	if s.depth > 1 {
		around := &d.levels[s.depth-1]
		around.used++
		n = around.used
	}
	b.c.PushNumber(float64(n))
	return vm.Number(n)
}

// special is the value of a number or word.
func (b builder) special(s *level) vm.Value {
	switch {
	case s.flags&isTrue != 0:
		return vm.True
	case s.flags&isFalse != 0:
		return vm.False
	case s.flags&isNull != 0:
		return b.c.VM.Deref(b.d.null)
	}
	text := b.d.from(s.begin)
	text = text[:min(s.end-s.begin, len(text))]
	b.c.PushString(text)
	n, _ := b.c.VM.ToNumber(vm.String(text)) // 0 for 1e5.5, as in the firmware
	return vm.Number(n)
}

// from is the text that is kept, from a position on.
func (d *decoder) from(pos int) string {
	return d.text[min(max(pos-d.kept, 0), len(d.text)):]
}

// text is the string of a string or key as written. An escape of less than four digits
// takes what follows the string for digits.
func (b builder) text(s *level) string {
	out := lualib.NewBuffer(b.c)
	raw := b.d.from(s.begin + 1)
	at := func(i int) byte {
		if i < len(raw) {
			return raw[i]
		}
		return 0 // where the firmware's string ends; beyond is what the heap has there
	}
	for i := 0; i < s.end-s.begin-1; i++ {
		x := at(i)
		if x != '\\' {
			out.Byte(x)
			continue
		}
		i++
		switch x = at(i); x {
		case 'b':
			x = '\b'
		case 'f':
			x = '\f'
		case 'n':
			x = '\n'
		case 'r':
			x = '\r'
		case 't':
			x = '\t'
		case 'u':
			code := rune(0)
			for range 4 {
				i++
				code = code<<4 | rune(hexDigit(at(i)))
			}
			if code >= 0xD800 && code < 0xE000 {
				code = '?' // half of a surrogate pair
			}
			out.String(string(utf8.AppendRune(nil, code)))
			continue
		}
		out.Byte(x)
	}
	return out.Result()
}

// hexDigit is the value of a hexadecimal digit; of anything else it is some
// value, as in the firmware.
func hexDigit(x byte) byte {
	if x <= '9' {
		return x & 15
	}
	return (x - 'A' + 10) & 15
}
