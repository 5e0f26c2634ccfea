package vm

// romTable is what a table in flash has instead of an array and nodes: names.
type romTable struct {
	name    string
	entries []romEntry
	index   map[string]int32
}

// longestROMName is how long a name may be that a program looks up in a table in flash
// (fw: app/lua/ltable.c, luaH_getstr; LUA_MAX_ROTABLE_NAME). mqtt has one of 34.
const longestROMName = 32

// checkWritable raises an error if a program is about to write to a table in flash.
// The firmware's modules fill those before any runs.
func (v *VM) checkWritable(t *Table) {
	if t.rom != nil && v.running != nil {
		v.runError("table is readonly")
	}
}

// romEntry is a name with its value. A string there becomes one of the script's
// memory when it is read.
type romEntry struct {
	name   string
	val    value
	text   string
	isText bool
}

func (e *romEntry) value(v *VM) value {
	if e.isText {
		return stringValue(v.mem.intern(e.text))
	}
	return e.val
}

// romFind looks for the entry of s in t, where s then knows it, and reports whether there
// is one.
func (t *Table) romFind(s *str) bool {
	if s.romTable != t {
		i, ok := t.rom.index[CString(s.s)]
		if !ok {
			return false
		}
		s.romTable, s.romEntry = t, i
	}
	return true
}

// romEntry is the entry of s, which knows where it stands in t.
func (t *Table) romEntry(s *str) *romEntry { return &t.rom.entries[s.romEntry] }

// boundary is value for the world outside of the VM, without making a string of the
// script's.
func (e *romEntry) boundary() Value {
	if e.isText {
		return String(e.text)
	}
	return e.val.boundary()
}

// next returns the entry that follows key: names are gone through in the order in
// which the table has them. After what is no name of the table's comes the end, and
// after what is no name at all the same key again, without a value: the firmware
// does not check (fw: app/lua/lrotable.c; oracle: language.json, rotable/021, 022).
func (r *romTable) next(v *VM, key value) (k, x value, ok bool) {
	i := int32(0)
	if !key.isNil() {
		if !key.isString() {
			return key, value{}, true
		}
		if i, ok = r.index[CString(key.str().s)]; !ok {
			return value{}, value{}, true
		}
		i++
	}
	if int(i) >= len(r.entries) {
		return value{}, value{}, true
	}
	e := &r.entries[i]
	k = stringValue(v.mem.intern(e.name))
	v.pin(k)
	x = e.value(v)
	v.mem.pins = v.mem.pins[:len(v.mem.pins)-1]
	return k, x, true
}

func (r *romTable) set(name string, x value) {
	e := r.entry(name)
	e.val, e.isText = x, false
}

func (r *romTable) entry(name string) *romEntry {
	i, ok := r.index[name]
	if !ok {
		i = int32(len(r.entries))
		r.index[name] = i
		r.entries = append(r.entries, romEntry{name: name})
	}
	return &r.entries[i]
}
