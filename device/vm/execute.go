package vm

import (
	"math"
	"unsafe"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// registers are the slots that an instruction can name, from the base of a frame
// on. The stack has that many beyond its end (slack), so no index need be checked,
// whatever a crafted chunk says.
type registers = [256]value

func frame(L *Thread, base int) *registers {
	return (*registers)(unsafe.Pointer(unsafe.SliceData(L.stack[base : base+len(registers{})])))
}

// here is what the loop holds of the call that runs, of a frame with the given base.
func (L *Thread) here(base int) (*callInfo, *registers) { return &L.ci[L.nci], frame(L, base) }

// rk is the register or constant that an operand of nine bits means.
func rk(r *registers, k []value, x uint32) *value {
	if x < luac.ConstBit {
		return &r[uint8(x)]
	}
	return &k[x&0xff]
}

// executeAs runs the innermost call of L, and those that it makes, until the call at
// level entry has returned or the coroutine yields (fw: app/lua/lvm.c,
// luaV_execute). Where an instruction does more than move values, what it does
// stands in index.go, arith.go and do.go; after what may have moved the stack, or the
// list of calls, the loop looks for them anew.
//
// There is one with coverage and one without: see plain and counting. That v comes last is
// worth some percent, since the compiler passes what it needs of K before all parameters.
func executeAs[K plain | counting](L *Thread, entry int, v *VM) {
	var kind K
	m := v.mem
frame:
	for {
		ci := &L.ci[L.nci]
		cl := L.stack[ci.fn].function()
		code, k := cl.proto.run, cl.proto.k
		base, pc := ci.base, ci.pc
		r := frame(L, base)
		for {
			i := code[pc]
			pc++
			v.cpu += v.instrNanos
			if v.cpu >= v.lookAt {
				ci.pc = pc
				v.look(L)
			}
			if unsafe.Sizeof(kind) > 0 && luac.Op(i&0x3f) >= opCount {
				at := &cl.proto.counts.at[pc-1]
				if luac.Op(i&0x3f) == opCount {
					at.hits++
				} else {
					cl.proto.counts.arrive(ci, pc-1)
				}
				ci.pc = pc
				i = at.instruction
			}
			a := uint8(i >> 6)
			switch luac.Op(i & 0x3f) {
			case luac.Move:
				r[a] = r[uint8(i>>23)]
			case luac.LoadK:
				r[a] = k[i>>14]
			case luac.LoadBool:
				r[a] = boolean(i>>23 != 0)
				if i>>14&0x1ff != 0 {
					pc++
				}
			case luac.LoadNil:
				for b := uint8(i >> 23); ; b-- {
					r[b] = value{}
					if b <= a {
						break
					}
				}
			case luac.GetUpval:
				r[a] = *cl.upvals[i>>23].v
			case luac.GetGlobal:
				key := k[i>>14].str()
				if n := cl.env.strNode(key); n != nil && n.val.bits != kindNil {
					r[a] = n.val
					continue
				}
				if mt := cl.env.meta; mt != nil && mt.absent&knownIndex != 0 && key.romTable == mt.index {
					if e := mt.index.romEntry(key); e.val.bits != kindNil {
						v.cpu += int64(key.romEntry+1) * v.romNanos
						r[a] = e.val
						continue
					}
				}
				ci.pc = pc
				v.index(L, base+int(a), tableValue(cl.env), k[i>>14])
				ci, r = L.here(base)
			case luac.GetTable:
				t, key := &r[uint8(i>>23)], rk(r, k, i>>14&0x1ff)
				if t.bits == kindTable {
					t := t.table()
					if key.bits == kindString {
						if n := t.strNode(key.str()); n != nil && n.val.bits != kindNil {
							r[a] = n.val
							continue
						}
					} else if key.bits >= firstNumber {
						f := key.num()
						if x := int(f); uint(x-1) < uint(len(t.array)) && float64(x) == f && t.array[x-1].bits != kindNil {
							r[a] = t.array[x-1]
							continue
						}
					}
				} else if t.bits == kindROMTable && key.bits == kindString && key.str().romTable == t.table() {
					if e := t.table().romEntry(key.str()); e.val.bits != kindNil {
						v.cpu += int64(key.str().romEntry+1) * v.romNanos
						r[a] = e.val
						continue
					}
				}
				ci.pc = pc
				v.index(L, base+int(a), *t, *key)
				ci, r = L.here(base)
			case luac.SetGlobal:
				if n := cl.env.strNode(k[i>>14].str()); n != nil && n.val.bits != kindNil {
					t, old := cl.env, n.val
					t.absent = 0
					n.val = r[a]
					if t.mark&barriers != 0 {
						m.storedNode(t, n, old)
					}
					continue
				}
				ci.pc = pc
				v.setIndex(L, tableValue(cl.env), k[i>>14], r[a])
				ci, r = L.here(base)
			case luac.SetUpval:
				u := cl.upvals[i>>23]
				if u.isOpen() && u.th == L {
					*u.v = r[a]
					continue
				}
				v.setUpvalue(u, r[a])
			case luac.SetTable:
				key, x := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				if r[a].bits == kindTable {
					t := r[a].table()
					if key.bits == kindString {
						if n := t.strNode(key.str()); n != nil && n.val.bits != kindNil {
							old := n.val
							t.absent = 0
							n.val = *x
							if t.mark&barriers != 0 {
								m.storedNode(t, n, old)
							}
							continue
						}
					} else if key.bits >= firstNumber {
						f := key.num()
						if at := int(f); uint(at-1) < uint(len(t.array)) && float64(at) == f {
							p := &t.array[at-1]
							if p.bits != kindNil || t.meta == nil {
								old := *p
								*p = *x
								if t.mark&barriers != 0 && (old.bits < firstNumber || x.bits < firstNumber) {
									m.stored(t, old, *p)
								}
								continue
							}
						}
					}
				}
				ci.pc = pc
				v.setIndex(L, r[a], *key, *x)
				ci, r = L.here(base)
			case luac.NewTable:
				ci.pc = pc
				t := m.newTable(heap.UnpackHint(int(i>>23)), heap.UnpackHint(int(i>>14&0x1ff)))
				L.stack[base+int(a)] = tableValue(t)
				if m.total >= m.gc.threshold {
					m.checkGC()
				}
				ci, r = L.here(base)
			case luac.Self:
				b, key := r[uint8(i>>23)], rk(r, k, i>>14&0x1ff)
				r[a+1] = b
				if key.bits == kindString {
					var mt *Table
					switch b.bits {
					case kindTable:
						if n := b.table().strNode(key.str()); n != nil && n.val.bits != kindNil {
							r[a] = n.val
							continue
						}
					case kindString:
						mt = v.stringMeta
					case kindUserData:
						mt = b.userdata().meta
					}
					if mt != nil && mt.absent&knownIndex != 0 && key.str().romTable == mt.index {
						if e := mt.index.romEntry(key.str()); e.val.bits != kindNil {
							v.cpu += int64(key.str().romEntry+1) * v.romNanos
							r[a] = e.val
							continue
						}
					}
				}
				ci.pc = pc
				v.index(L, base+int(a), b, *key)
				ci, r = L.here(base)
			case luac.Add:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				if b.bits >= firstNumber && c.bits >= firstNumber {
					r[a].setNumber(b.num() + c.num())
					continue
				}
				ci.pc = pc
				v.arith(L, base+int(a), i, *b, *c, eventAdd)
				ci, r = L.here(base)
			case luac.Sub:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				if b.bits >= firstNumber && c.bits >= firstNumber {
					r[a].setNumber(b.num() - c.num())
					continue
				}
				ci.pc = pc
				v.arith(L, base+int(a), i, *b, *c, eventSub)
				ci, r = L.here(base)
			case luac.Mul:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				if b.bits >= firstNumber && c.bits >= firstNumber {
					r[a].setNumber(b.num() * c.num())
					continue
				}
				ci.pc = pc
				v.arith(L, base+int(a), i, *b, *c, eventMul)
				ci, r = L.here(base)
			case luac.Div:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				if b.bits >= firstNumber && c.bits >= firstNumber {
					r[a].setNumber(b.num() / c.num())
					continue
				}
				ci.pc = pc
				v.arith(L, base+int(a), i, *b, *c, eventDiv)
				ci, r = L.here(base)
			case luac.Mod:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				if b.bits >= firstNumber && c.bits >= firstNumber {
					x, y := b.num(), c.num()
					if q := x / y; q > math.MinInt32 && q < math.MaxInt32 { // luanum.Mod, where Floor has room
						n := float64(int32(q))
						if q < n {
							n--
						}
						r[a] = number(x - float64(n*y))
						continue
					}
				}
				ci.pc = pc
				v.arith(L, base+int(a), i, *b, *c, eventMod)
				ci, r = L.here(base)
			case luac.Pow:
				ci.pc = pc
				v.arith(L, base+int(a), i, *rk(r, k, i>>23), *rk(r, k, i>>14&0x1ff), eventPow)
				ci, r = L.here(base)
			case luac.Unm:
				b := &r[uint8(i>>23)]
				if b.bits >= firstNumber {
					r[a].setNumber(-b.num())
					continue
				}
				ci.pc = pc
				v.arith(L, base+int(a), i, *b, *b, eventUnm)
				ci, r = L.here(base)
			case luac.Not:
				r[a] = boolean(r[uint8(i>>23)].bits <= kindFalse)
			case luac.Len:
				b := r[uint8(i>>23)]
				switch b.bits {
				case kindTable:
					r[a].setNumber(float64(v.length(b.table())))
					continue
				case kindString:
					r[a].setNumber(float64(len(b.str().s)))
					continue
				}
				ci.pc = pc
				v.lengthOf(L, base+int(a), int(i>>23), b)
				ci, r = L.here(base)
			case luac.Concat:
				ci.pc = pc
				b, c := int(i>>23), int(i>>14&0x1ff)
				v.concat(L, base, c-b+1, c)
				if m.total >= m.gc.threshold {
					m.checkGC()
				}
				L.stack[base+int(a)] = L.stack[base+b]
				ci, r = L.here(base)
			case luac.Jmp:
				pc += argSBx(i)
			case luac.Eq:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				var equal bool
				if b.bits == c.bits && (b.bits == kindTable || b.bits == kindUserData) && b.ref != c.ref {
					ci.pc = pc
					equal = v.equalObjects(L, *b, *c)
					ci, r = L.here(base)
				} else {
					equal = b.same(*c)
				}
				if equal == (a != 0) {
					pc += argSBx(code[pc])
				}
				pc++
			case luac.Lt:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				var less bool
				if b.bits >= firstNumber && c.bits >= firstNumber {
					less = b.num() < c.num()
				} else {
					ci.pc = pc
					less = v.lessThan(L, *b, *c)
					ci, r = L.here(base)
				}
				if less == (a != 0) {
					pc += argSBx(code[pc])
				}
				pc++
			case luac.Le:
				b, c := rk(r, k, i>>23), rk(r, k, i>>14&0x1ff)
				var less bool
				if b.bits >= firstNumber && c.bits >= firstNumber {
					less = b.num() <= c.num()
				} else {
					ci.pc = pc
					less = v.lessEqual(L, *b, *c)
					ci, r = L.here(base)
				}
				if less == (a != 0) {
					pc += argSBx(code[pc])
				}
				pc++
			case luac.Test:
				if (r[a].bits <= kindFalse) != (i>>14&0x1ff != 0) {
					pc += argSBx(code[pc])
				}
				pc++
			case luac.TestSet:
				if b := &r[uint8(i>>23)]; (b.bits <= kindFalse) != (i>>14&0x1ff != 0) {
					r[a] = *b
					pc += argSBx(code[pc])
				}
				pc++
			case luac.Call:
				fn := base + int(a)
				if b := int(i >> 23); b != 0 {
					L.top = fn + b
				}
				ci.pc = pc
				results := int(i>>14&0x1ff) - 1
				switch v.precall(L, fn, results) {
				case callLua:
					continue frame
				case callYield:
					return
				}
				ci, r = L.here(base)
				if results >= 0 {
					L.top = ci.top
				}
			case luac.TailCall:
				fn := base + int(a)
				if b := int(i >> 23); b != 0 {
					L.top = fn + b
				}
				ci.pc = pc
				switch v.precall(L, fn, allOfIt) {
				case callLua:
					v.replaceFrame(L)
					continue frame
				case callYield:
					return
				}
				ci, r = L.here(base)
			case luac.Return:
				first := base + int(a)
				if b := int(i >> 23); b != 0 {
					L.top = first + b - 1
				}
				if L.openUp != nil {
					m.closeUpvalues(L, base)
				}
				ci.pc = pc
				some := v.postcall(L, first)
				if L.nci < entry {
					return
				}
				if some {
					L.top = L.ci[L.nci].top
				}
				continue frame
			case luac.ForLoop:
				ra, limit, step := &r[a], &r[a+1], &r[a+2]
				if ra.bits < firstNumber || limit.bits < firstNumber || step.bits < firstNumber {
					ci.pc = pc
					v.forError(ra, limit)
				}
				s := step.num()
				x := ra.num() + s
				if s > 0 && x <= limit.num() || !(s > 0) && limit.num() <= x {
					pc += argSBx(i)
					ra.setNumber(x)
					r[a+3].setNumber(x)
				}
			case luac.ForPrep:
				ci.pc = pc
				v.forPrep(&r[a], &r[a+1], &r[a+2])
				pc += argSBx(i)
			case luac.TForLoop:
				cb := base + int(a) + 3
				copy(L.stack[cb:cb+3], L.stack[cb-3:cb])
				L.top = cb + 3
				ci.pc = pc
				v.call(L, cb, int(i>>14&0x1ff))
				ci, r = L.here(base)
				L.top = ci.top
				if x := L.stack[cb]; !x.isNil() {
					L.stack[cb-1] = x
					pc += argSBx(code[pc])
				}
				pc++
			case luac.SetList:
				ci.pc = pc
				pc = v.setList(L, base+int(a), int(i>>23), int(i>>14&0x1ff), code, pc)
				ci, r = L.here(base)
			case luac.Close:
				m.closeUpvalues(L, base+int(a))
			case luac.Closure:
				ci.pc = pc
				p := cl.proto.protos[i>>14]
				v.closure(L, cl, base, base+int(a), p)
				pc += p.nups
				ci, r = L.here(base)
			case luac.Vararg:
				ci.pc = pc
				v.varargs(L, base+int(a), int(i>>23)-1)
				ci, r = L.here(base)
			default:
				// The reader of chunks lets no other pass.
				panic("vm: no such instruction")
			}
		}
	}
}

// look gives the device a look at the time, and the recorder at the instruction.
func (v *VM) look(L *Thread) {
	if v.killed != nil {
		panic(v.killed)
	}
	if v.cpu >= v.sliceAt {
		v.slice()
	}
	if v.rec != nil && v.rec.CPU {
		v.record(L)
	}
	if v.watching > 0 {
		v.watchPower(L)
	}
}

// slice gives the device a look at the time.
func (v *VM) slice() {
	if v.killed != nil {
		panic(v.killed)
	}
	v.sliceAt = v.CPU() + v.cfg.SliceNanos
	if v.cfg.Slice != nil {
		v.cfg.Slice()
	}
	if v.killed != nil {
		panic(v.killed)
	}
	v.setLook()
}

// setLook sets the time of the next look: with a recorder, or a power to watch, at once.
func (v *VM) setLook() {
	v.lookAt = v.sliceAt
	if v.rec != nil && v.rec.CPU || v.watching > 0 {
		v.lookAt = 0
	}
}
