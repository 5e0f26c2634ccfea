package vm

import "fmt"

// CheckReferences says what is wrong with the references of what is alive: each must
// lead to an object that has not been freed.
func (v *VM) CheckReferences() string {
	known := map[*header]bool{&v.noUpvalue.header: true}
	v.mem.eachObject(func(h *header) { known[h] = true })
	for _, n := range v.mem.walk(false).nodes {
		if h := n.object; h != nil && !known[h] {
			return fmt.Sprintf("an object of kind %d is referred to and was freed", h.kind)
		}
	}
	return v.CheckGraph()
}
