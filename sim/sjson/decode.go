package sjson

import (
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// decoderSize is what a decoder takes: its own 56 bytes and jsonsl's, with 20
// levels (fw: app/modules/sjson.c; the size of a level, 40, is assumed).
const decoderSize = 56 + 96 + maxDepth*40

// decoder is what is in an sjson.decoder. What it has made so far is referenced,
// level by level.
type decoder struct {
	parser
	result    vm.Ref // a table that holds the value at 1
	metatable vm.Ref
	null      vm.Ref
	path      vm.Ref // the list of keys for checkpath, if the metatable has one
	key       vm.Ref // the key whose value comes next
	complete  bool
	failed    bool
}

// destroy lets go of everything.
func (d *decoder) destroy(v *vm.VM) {
	d.freeWork(v)
	v.Unref(&d.result)
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
}

// newDecoder is sjson.decoder([options]).
func (m *module) newDecoder(c *vm.Call) int {
	ud, _ := m.makeDecoder(c, 1)
	return c.Return(ud)
}

// makeDecoder makes a decoder with the options in argument n.
func (m *module) makeDecoder(c *vm.Call, n int) (*vm.UserData, *decoder) {
	d := &decoder{parser: newParser()}
	ud := c.VM.NewObject(m.decoder, decoderSize, d)
	d.result = c.VM.Ref(c.NewTable(0, 0), "sjson decoder result")
	opts, ok := c.Arg(n).(*vm.Table)
	if !ok {
		d.null = c.VM.Ref(m.null, "sjson decoder null")
		return ud, d
	}
	d.null = c.VM.Ref(c.Index(opts, vm.String("null")), "sjson decoder null")
	if mt, ok := c.Index(opts, vm.String("metatable")).(*vm.Table); ok {
		d.metatable = c.VM.Ref(mt, "sjson decoder metatable")
		if c.Index(mt, vm.String("checkpath")) != vm.Nil {
			d.path = c.VM.Ref(c.NewTable(0, 0), "sjson decoder path")
		}
	}
	return ud, d
}

// decode is sjson.decode(text[, options]).
func (m *module) decode(c *vm.Call) int {
	ud, d := m.makeDecoder(c, 2)
	text := c.String(1)
	c.Push(ud) // keeps it alive
	n := m.feed(c, d, text)
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
	if !d.complete {
		c.Error("decode not complete")
	}
	return c.Return(c.VM.RawGetInt(c.VM.DerefTable(d.result), 1))
}

// feed takes a piece of text. It returns the value if it is complete, else no
// result.
func (m *module) feed(c *vm.Call, d *decoder, text string) int {
	if d.failed {
		c.Error("JSON parse error: previous call")
	}
	// A checkpath or __newindex that raises an error, or that writes to this
	// decoder, leaves nothing to go on with.
	d.failed = true
	// The firmware joins an unfinished string with the next piece.
	if kept := d.top().text; len(kept) > 0 {
		b := lualib.NewBuffer(c)
		b.String(string(kept))
		b.Value(text)
		b.Result()
	}
	c.VM.ChargeSteps(len(text) / parsedPerStep)
	b := builder{c, d}
	for i := 0; i < len(text) && !d.complete; i++ {
		if problem := d.feed(text[i], b.begin, b.end); problem != "" {
			c.Error("JSON parse error: %s", problem)
		}
	}
	d.failed = false
	if !d.complete {
		return 0
	}
	d.freeWork(c.VM)
	return m.resultOf(c, d)
}

// What parsing takes of the device, in VM instructions: an estimate, since nobody has
// measured it.
const (
	parsedPerStep = 4  // bytes parsed in the time of one
	valueSteps    = 10 // for making a value and storing it, or a table and ending it
)

// builder makes Lua values of what the parser finds.
type builder struct {
	c *vm.Call
	d *decoder
}

// begin is called at the start of a list or object: its table is made and stored
// in the one around it.
func (b builder) begin() {
	c, d := b.c, b.d
	c.VM.ChargeSteps(valueSteps)
	t := c.NewTable(0, 0)
	s := d.top()
	s.table = c.VM.Ref(t, "sjson decoder table")
	if d.metatable != 0 {
		c.VM.SetMetatable(t, c.VM.Deref(d.metatable))
	}
	depth := len(d.levels) - 1
	parent := b.parent()
	key := b.nextKey()
	if d.path != 0 {
		path := c.VM.DerefTable(d.path)
		if depth > 1 {
			c.VM.RawSet(path, vm.Number(depth-1), key)
		}
		if check := c.Index(c.VM.Deref(d.metatable), vm.String("checkpath")); check != vm.Nil {
			if wanted := c.Invoke(check, 1, t, path)[0]; wanted == vm.Nil || wanted == vm.False {
				return
			}
		}
	}
	c.SetIndex(parent, key, t)
}

// end is called at the end of each value and key.
func (b builder) end() {
	c, d := b.c, b.d
	c.VM.ChargeSteps(valueSteps)
	s := d.top()
	depth := len(d.levels) - 1
	switch s.kind {
	case hashKey:
		c.VM.SetRef(&d.key, b.text(s.text), "sjson decoder key")
	case str:
		text := b.text(s.text)
		c.SetIndex(b.parent(), b.nextKey(), text)
	case special:
		value := b.special(string(s.text))
		c.SetIndex(b.parent(), b.nextKey(), value)
	case list, object:
		c.VM.Unref(&s.table)
		if d.path != 0 {
			c.VM.RawSet(c.VM.DerefTable(d.path), vm.Number(depth), vm.Nil)
		}
		d.complete = depth == 1
	}
}

// parent is the table around the top level.
func (b builder) parent() *vm.Table {
	ref := b.d.result
	if n := len(b.d.levels); n > 2 {
		ref = b.d.levels[n-2].table
	}
	return b.c.VM.DerefTable(ref)
}

// nextKey is the key at which the parent takes the top level's value.
func (b builder) nextKey() vm.Value {
	d := b.d
	if d.key != 0 {
		key := b.c.VM.Deref(d.key)
		b.c.VM.Unref(&d.key)
		return key
	}
	n := len(d.levels)
	if n == 2 {
		return vm.Number(1)
	}
	d.levels[n-2].used++
	return vm.Number(d.levels[n-2].used)
}

// special is the value of a number or word.
func (b builder) special(text string) vm.Value {
	switch text[0] {
	case 't':
		return vm.True
	case 'f':
		return vm.False
	case 'n':
		return b.c.VM.Deref(b.d.null)
	}
	n, _ := b.c.VM.ToNumber(vm.String(text)) // 0 for "1.2.3", as in the firmware
	return vm.Number(n)
}

// text is the Lua string of a string as written.
func (b builder) text(raw []byte) vm.Value {
	out := lualib.NewBuffer(b.c)
	for i := 0; i < len(raw); i++ {
		x := raw[i]
		if x != '\\' {
			out.Byte(x)
			continue
		}
		i++ // the parser lets no string end with a backslash
		switch x = raw[i]; x {
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
				if i++; i < len(raw) {
					code = code<<4 | rune(hexDigit(raw[i]))
				}
			}
			if code >= 0xD800 && code < 0xE000 {
				code = '?' // half of a surrogate pair
			}
			out.String(string(utf8.AppendRune(nil, code)))
			continue
		}
		out.Byte(x)
	}
	return vm.String(out.Result())
}

// hexDigit is the value of a hexadecimal digit; of anything else it is some
// value, as in the firmware.
func hexDigit(x byte) byte {
	if x <= '9' {
		return x & 15
	}
	return (x - 'A' + 10) & 15
}
