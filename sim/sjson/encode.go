package sjson

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// Figures of the encoder (fw: app/modules/sjson.c).
const (
	encoderSize  = 24 + maxDepth*12 // bytes: ENC_DATA and its ENC_DATA_STATEs
	encodeAll    = 1000000          // bytes that sjson.encode returns at most
	readDefault  = 1024             // bytes that encoder:read returns unless told
	maxCallChain = 10               // functions in place of a value that are called in turn
)

// encoder is what is in an sjson.encoder.
type encoder struct {
	levels [maxDepth]encoding // the tables being written, outermost first
	level  int                // the innermost; -1: none
	text   vm.Ref             // what is written and not yet read
	pos    int                // how much of it is read
	null   vm.Ref             // the string that stands for null
	gone   bool               // its __gc has run
}

// encoding is a table being written.
type encoding struct {
	table  vm.Ref
	size   int16  // entries of a list; -1 for an object
	offset int16  // how far it is written: key or separator at even numbers, value at odd ones
	key    vm.Ref // of an object: the key whose value was written last
}

// destroy is __gc.
func (e *encoder) destroy(v *vm.VM) {
	e.gone = true
	for i := range e.levels {
		v.Unref(&e.levels[i].table)
		v.Unref(&e.levels[i].key)
	}
	v.Unref(&e.null)
	v.Unref(&e.text)
}

// newEncoder is sjson.encoder(table[, options]).
func (m *module) newEncoder(c *vm.Call) int {
	m.pushEncoder(c)
	return 1
}

// pushEncoder makes an encoder and leaves it on the stack.
func (m *module) pushEncoder(c *vm.Call) *encoder {
	t := c.Table(1)
	opts, hasOptions := c.Arg(2).(*vm.Table)
	if hasOptions {
		c.Index(opts, vm.String("depth")) // the firmware looks at the table itself then: 0
	}
	e := &encoder{level: -1}
	c.Push(c.VM.NewObject(m.encoder, encoderSize, e))
	e.push(c, t)
	if hasOptions {
		e.null = c.VM.Ref(c.Index(opts, vm.String("null")), "sjson encoder null")
	}
	return e
}

// push begins to write a table.
func (e *encoder) push(c *vm.Call, t *vm.Table) {
	if e.level++; e.level >= maxDepth {
		c.Error("encoder stack overflow")
	}
	s := &e.levels[e.level]
	s.table = c.VM.Ref(t, "sjson encoder table")
	s.size = int16(listSize(c.VM, t))
	s.offset = 0
}

// pop ends it.
func (e *encoder) pop(v *vm.VM) {
	s := &e.levels[e.level]
	v.Unref(&s.table)
	v.Unref(&s.key)
	e.level--
}

// listSize returns the highest key of a table whose keys are all positive
// numbers, or -1: it is an object.
func listSize(v *vm.VM, t *vm.Table) int {
	size := 0
	for k, _, _ := v.RawNext(t, vm.Nil); k != vm.Nil; k, _, _ = v.RawNext(t, k) {
		n, ok := k.(vm.Number)
		if !ok || vm.Integer(float64(n)) <= 0 {
			return -1
		}
		size = max(size, vm.Integer(float64(n)))
	}
	return size
}

// encode is sjson.encode(table[, options]).
func (m *module) encode(c *vm.Call) int {
	return m.read(c, m.pushEncoder(c), encodeAll)
}

// encoderRead is sjson.encoder:read([size]).
func (m *module) encoderRead(c *vm.Call) int {
	e := c.Object(1, m.encoder).(*encoder)
	if e.gone {
		m.crashGone()
		return 0
	}
	size := readDefault
	if _, ok := c.Arg(2).(vm.Number); ok {
		size = max(1, c.Int(2))
	}
	return m.read(c, e, size)
}

// read returns the next size bytes of the text, nothing at its end.
func (m *module) read(c *vm.Call, e *encoder, size int) int {
	b := lualib.NewBuffer(c)
	for {
		if e.text != 0 {
			text, _ := c.VM.ToString(c.VM.Deref(e.text))
			piece := text[min(e.pos, len(text)):]
			piece = piece[:min(size, len(piece))]
			b.String(piece)
			size -= len(piece)
			if e.pos += len(piece); e.pos >= len(text) {
				c.VM.Unref(&e.text)
			}
		}
		if size > 0 {
			m.write(c, e)
		}
		if size <= 0 || e.text == 0 {
			break
		}
	}
	n := b.Finish()
	if c.ObjectLength(c.Top()) == 0 {
		return 0
	}
	return n
}

// write makes the text.
func (m *module) write(c *vm.Call, e *encoder) {
	if e.level < 0 {
		return
	}
	b := lualib.NewBuffer(c)
	for e.level >= 0 {
		if e.level >= maxDepth {
			m.d.Crash("after \"encoder stack overflow\" the firmware's encoder goes on behind its levels")
			return
		}
		s := &e.levels[e.level]
		if s.size >= 0 {
			m.writeList(c, e, s, b)
		} else {
			m.writeObject(c, e, s, b)
		}
	}
	b.Finish()
	e.text = c.VM.Ref(c.Arg(c.Top()), "sjson encoder text")
	c.Pop(1)
	e.pos = 0
}

// writeList writes the next part of a list. How far it is written changes when that has
// been done: after an error the part comes once more.
func (m *module) writeList(c *vm.Call, e *encoder, s *encoding, b lualib.Buffer) {
	if s.offset == 0 {
		b.Byte('[')
	}
	switch {
	case int(s.offset) == int(s.size)<<1:
		b.Byte(']')
		s.offset++
		e.pop(c.VM)
		return
	case s.offset&1 == 0:
		if s.offset > 0 {
			b.Byte(',')
		}
	default:
		m.value(c, e, b, c.VM.RawGetInt(c.VM.DerefTable(s.table), int(s.offset>>1)+1))
	}
	s.offset++
}

// writeObject writes the next part of an object. The key counts as written before its
// value is: after an error the value is left out.
func (m *module) writeObject(c *vm.Call, e *encoder, s *encoding, b lualib.Buffer) {
	t := c.VM.DerefTable(s.table)
	k, value, ok := c.VM.RawNext(t, c.VM.Deref(s.key))
	if !ok {
		c.Raise("invalid key to 'next'")
	}
	switch {
	case k == vm.Nil:
		// The firmware writes the opening brace with the first key, so an object
		// that lost its keys meanwhile ends without one.
		b.Byte('}')
		s.offset++
		e.pop(c.VM)
		return
	case s.offset&1 == 0:
		before := ","
		if s.offset == 0 {
			before = "{"
		}
		top := c.Top()
		if n, ok := k.(vm.Number); ok {
			c.PushNumber(float64(n))
			text, _ := c.StringAt(c.Top()) // in the way of tostring
			k = vm.String(text)
		}
		m.scalar(c, e, b, k, before, ":", top)
	default:
		c.VM.Unref(&s.key)
		s.key = c.VM.Ref(k, "sjson encoder key")
		m.value(c, e, b, value)
	}
	s.offset++
}

// value writes a value. A function in its place is called.
func (m *module) value(c *vm.Call, e *encoder, b lualib.Buffer, value vm.Value) {
	for range maxCallChain {
		fn, ok := value.(*vm.Function)
		if !ok {
			break
		}
		value = c.Invoke(fn, 1)[0]
	}
	if t, ok := value.(*vm.Table); ok {
		e.push(c, t)
		return
	}
	top := c.Top()
	c.Push(value)
	m.scalar(c, e, b, value, "", "", top)
}

// typeNumbers are Lua's numbers of types, which the error message contains.
var typeNumbers = map[string]int{"table": 5, "function": 6, "userdata": 7, "thread": 8}

// scalar writes a value that is no table, as a string of its own. top is how high the
// stack was before what holds the value was put there.
func (m *module) scalar(c *vm.Call, e *encoder, to lualib.Buffer, value vm.Value, before, after string, top int) {
	b := lualib.NewBuffer(c)
	b.String(before)
	switch x := value.(type) {
	case vm.Bool:
		if x {
			b.String("true")
		} else {
			b.String("false")
		}
	case vm.Number:
		b.String(number(float64(x)))
	case vm.String:
		if e.null != 0 && c.VM.Deref(e.null) == value {
			b.String("null")
		} else {
			m.quote(b, string(x))
		}
	default:
		if value != vm.Nil && !vm.IsLight(value) {
			c.Error("Cannot encode type %d", typeNumbers[c.VM.TypeName(value)])
		}
		b.String("null")
	}
	b.String(after)
	b.Finish()
	if c.Top() > top+1 {
		c.Copy(top+1, c.Top())
		c.SetTop(top + 1)
	}
	to.Top()
}

// number is a number with 19 digits: more than tell it from its neighbours. JSON has
// none that is infinite or not a number.
func number(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "null"
	}
	return string(luanum.Spec{Prec: 19, Verb: 'g'}.AppendFloat(nil, f))
}

// quote writes a string.
func (m *module) quote(b lualib.Buffer, s string) {
	const hex = "0123456789abcdef"
	b.Byte('"')
	for i := range len(s) {
		switch x := s[i]; {
		case x == '\f':
			b.String(`\f`)
		case x == '\n':
			b.String(`\n`)
		case x == '\t':
			b.String(`\t`)
		case x == '\r':
			b.String(`\r`)
		case x == '\b':
			b.String(`\b`)
		case x < ' ':
			b.String(`\u00` + string(hex[x>>4]) + string(hex[x&15]))
		case x == '"':
			b.String(`\"`)
		case x == '\\':
			m.d.Inspect.Hints.Here(`sjson does not escape the backslash in a string: the JSON may be invalid or mean something else`)
			b.Byte(x)
		default:
			b.Byte(x)
		}
	}
	b.Byte('"')
}
