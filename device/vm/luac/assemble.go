package luac

// Prototypes that come from elsewhere than this package's compiler and reader, as from an image of
// the flash store: who has put one together from its parts completes it. Sequence is the one
// that is put together here.

// VarargFlags are HasArg, IsVararg and NeedsArg as the firmware keeps them.
func (p *Proto) VarargFlags() int {
	flags := 0
	if p.HasArg {
		flags |= varargHasArg
	}
	if p.IsVararg {
		flags |= varargIsVararg
	}
	if p.NeedsArg {
		flags |= varargNeedsArg
	}
	return flags
}

// SetVarargFlags is the way back.
func (p *Proto) SetVarargFlags(flags int) {
	p.HasArg, p.IsVararg, p.NeedsArg = flags&varargHasArg != 0, flags&varargIsVararg != 0, flags&varargNeedsArg != 0
}

// Complete unpacks the lines of p, of which LineInfo is set, and reports whether its code may
// run: see valid. The prototypes inside must be complete.
func (p *Proto) Complete() bool {
	p.Lines = unpackLines(p.LineInfo, len(p.Code))
	p.locals = len(p.Locals)
	p.Named = len(p.Locals)+len(p.UpvalueNames) > 0
	return p.valid()
}

// Sequence is a function that calls each of the functions in turn, as luac.cross makes it of
// several files.
func Sequence(source string, protos []*Proto) *Proto {
	p := &Proto{Source: source, MaxStack: 1, Protos: protos}
	for i := range protos {
		p.Code = append(p.Code, Instruction{Op: Closure, B: i}, Instruction{Op: Call, B: 1, C: 1})
	}
	p.Code = append(p.Code, Instruction{Op: Return, B: 1})
	p.Complete()
	return p
}
