package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
)

// chargeChunk accounts for compiling a chunk: its prototypes with their
// constants, the chunk name and the function. The collector is blocked meanwhile,
// as in the firmware, and released afterwards.
func (m *memory) chargeChunk(p *lua.FunctionProto) {
	if !m.on {
		return
	}
	m.collectBefore()
	m.egc.Blocked, m.hold = true, true
	if m.track != nil {
		m.track.chunk = ChunkID(p.SourceName)
		defer func() { m.track.chunk = "" }()
	}
	m.intern(p.SourceName)
	m.chargeProto(p)
	m.charge(kindFunction, heap.ClosureSize(int(p.NumUpvalues)))
	m.egc.Blocked, m.hold = false, false
}

func (m *memory) chargeProto(p *lua.FunctionProto) {
	for _, k := range p.Constants {
		if s, ok := k.(lua.LString); ok {
			m.intern(string(s))
		}
	}
	for _, n := range p.FunctionPrototypes {
		m.chargeProto(n)
	}
	m.charge(kindProto, protoSize(p))
	if m.track != nil {
		m.track.noteProto(p)
	}
}
