package heap

// EGC is the state of the emergency garbage collector (node.egc): when memory is
// collected besides the incremental collector's steps.
// Source: oracle: memory-sizes.json, "egc"; fw: docs/modules/node.md.
type EGC struct {
	Mode  int // bits EGCOnAllocFailure, EGCOnMemLimit, EGCAlways
	Limit int // bytes; negative: free heap to keep
	// Blocked is the one flag by which the collector is stopped. Any error
	// thrown and any chunk compiled clears it.
	Blocked bool
}

// Modes of the emergency collector, as node.egc names them.
const (
	EGCNotActive      = 0
	EGCOnAllocFailure = 1
	EGCOnMemLimit     = 2
	EGCAlways         = 4
	EGCMaxMode        = 7
)

// DefaultEGC is what the firmware sets once its libraries are open.
func DefaultEGC() EGC { return EGC{Mode: EGCAlways, Limit: 4096} }

// JoinOverflows reports whether gluing a piece of n bytes to total bytes already
// joined to its right raises "string length overflow": the limit of the
// emergency collector caps it in every mode. The firmware subtracts without
// sign, so a total beyond the limit lets everything pass.
// Source: oracle: memory-sizes.json, string_length_overflow.
func (e *EGC) JoinOverflows(n, total int) bool {
	if e.Limit <= 0 || total > e.Limit {
		return false
	}
	return n >= e.Limit-total
}

// Incremental collector parameters. Source: oracle: memory-sizes.json,
// gc_parameters.
const (
	GCPause    = 110 // percent of the estimate at which a cycle begins
	GCStepMul  = 200
	GCStepSize = 1024
	GCSweepMax = 40
)
