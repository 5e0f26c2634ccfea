package sjson

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
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
	stack []encoding // the tables being written, outermost first
	text  vm.Ref     // what is written and not yet read
	pos   int        // how much of it is read
	null  vm.Ref     // the string that stands for null
}

// encoding is a table being written.
type encoding struct {
	table  vm.Ref
	size   int16  // entries of a list; -1 for an object
	offset int16  // how far it is written: key or separator at even numbers, value at odd ones
	key    vm.Ref // of an object: the key whose value was written last
}

func (e *encoder) destroy(v *vm.VM) {
	for i := range e.stack {
		v.Unref(&e.stack[i].table)
		v.Unref(&e.stack[i].key)
	}
	e.stack = nil
	v.Unref(&e.text)
	v.Unref(&e.null)
}

// newEncoder is sjson.encoder(table[, options]).
func (m *module) newEncoder(c *vm.Call) int {
	ud, _ := m.makeEncoder(c)
	return c.Return(ud)
}

func (m *module) makeEncoder(c *vm.Call) (*vm.UserData, *encoder) {
	t := c.Table(1)
	e := &encoder{}
	ud := c.VM.NewObject(m.encoder, encoderSize, e)
	e.push(c, t)
	if opts, ok := c.Arg(2).(*vm.Table); ok {
		e.null = c.VM.Ref(c.Index(opts, vm.String("null")), "sjson encoder null")
	}
	return ud, e
}

// push begins to write a table.
func (e *encoder) push(c *vm.Call, t *vm.Table) {
	if len(e.stack) >= maxDepth {
		c.Error("encoder stack overflow")
	}
	e.stack = append(e.stack, encoding{table: c.VM.Ref(t, "sjson encoder table"), size: int16(listSize(c.VM, t))})
}

// pop ends it.
func (e *encoder) pop(v *vm.VM) {
	top := &e.stack[len(e.stack)-1]
	v.Unref(&top.table)
	v.Unref(&top.key)
	e.stack = e.stack[:len(e.stack)-1]
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
	ud, e := m.makeEncoder(c)
	c.Push(ud) // keeps it alive
	return m.read(c, e, encodeAll)
}

// encoderRead is sjson.encoder:read([size]).
func (m *module) encoderRead(c *vm.Call) int {
	e := c.Object(1, m.encoder).(*encoder)
	size := readDefault
	if _, ok := c.Arg(2).(vm.Number); ok {
		size = max(1, c.Int(2))
	}
	return m.read(c, e, size)
}

// read returns the next size bytes of the text, nothing at its end.
func (m *module) read(c *vm.Call, e *encoder, size int) int {
	if e.text == 0 {
		m.write(c, e)
	}
	if e.text == 0 {
		return 0
	}
	text := string(c.VM.Deref(e.text).(vm.String))
	piece := text[e.pos:min(len(text), e.pos+size)]
	if e.pos += len(piece); e.pos == len(text) {
		c.VM.Unref(&e.text)
	}
	b := lualib.NewBuffer(c)
	b.String(piece)
	return b.Finish()
}

// write makes the text.
func (m *module) write(c *vm.Call, e *encoder) {
	if len(e.stack) == 0 {
		return
	}
	b := lualib.NewBuffer(c)
	for len(e.stack) > 0 {
		s := &e.stack[len(e.stack)-1]
		if s.size >= 0 {
			m.writeList(c, e, s, b)
		} else {
			m.writeObject(c, e, s, b)
		}
	}
	c.VM.SetRef(&e.text, vm.String(b.Result()), "sjson encoder text")
	e.pos = 0
}

// writeList writes the next part of a list.
func (m *module) writeList(c *vm.Call, e *encoder, s *encoding, b lualib.Buffer) {
	if s.offset == 0 {
		b.Byte('[')
	}
	switch {
	case int(s.offset) == int(s.size)<<1:
		b.Byte(']')
		e.pop(c.VM)
	case s.offset&1 == 0:
		if s.offset > 0 {
			b.Byte(',')
		}
		s.offset++
	default:
		t := c.VM.DerefTable(s.table)
		value := m.resolve(c, c.VM.RawGetInt(t, int(s.offset>>1)+1))
		s.offset++
		if inner, ok := value.(*vm.Table); ok {
			e.push(c, inner)
		} else {
			m.scalar(c, e, b, value)
		}
	}
}

// writeObject writes the next part of an object.
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
		e.pop(c.VM)
	case s.offset&1 == 0:
		if s.offset > 0 {
			b.Byte(',')
		} else {
			b.Byte('{')
		}
		key := k
		if n, ok := k.(vm.Number); ok {
			text, _ := c.VM.ToString(n)
			key = vm.String(text)
		}
		m.scalar(c, e, b, key)
		b.Byte(':')
		s.offset++
	default:
		c.VM.SetRef(&s.key, k, "sjson encoder key")
		s.offset++
		value = m.resolve(c, value)
		if inner, ok := value.(*vm.Table); ok {
			e.push(c, inner)
		} else {
			m.scalar(c, e, b, value)
		}
	}
}

// resolve calls functions in place of a value.
func (m *module) resolve(c *vm.Call, value vm.Value) vm.Value {
	for range maxCallChain {
		fn, ok := value.(*vm.Function)
		if !ok {
			break
		}
		value = c.Invoke(fn, 1)[0]
	}
	return value
}

// typeNumbers are Lua's numbers of types, which the error message contains.
var typeNumbers = map[string]int{"table": 5, "function": 6, "userdata": 7, "thread": 8}

// scalar writes a value that is no table.
func (m *module) scalar(c *vm.Call, e *encoder, b lualib.Buffer, value vm.Value) {
	switch x := value.(type) {
	case vm.Bool:
		if x {
			b.String("true")
		} else {
			b.String("false")
		}
	case vm.Number:
		s, _ := c.VM.ToString(x)
		b.String(s)
	case vm.String:
		if e.null != 0 && c.VM.Deref(e.null) == value {
			b.String("null")
			return
		}
		m.quote(c, b, string(x))
	case *vm.UserData:
		if x == m.null {
			b.String("null")
			return
		}
		c.Error("Cannot encode type %d", typeNumbers["userdata"])
	default:
		if value == vm.Nil {
			b.String("null")
			return
		}
		c.Error("Cannot encode type %d", typeNumbers[c.VM.TypeName(value)])
	}
}

// quote writes a string.
func (m *module) quote(c *vm.Call, b lualib.Buffer, s string) {
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
