package heap

// Blocks lists all blocks in the order of addresses: where one begins with its header,
// its length, and 1 for one that is in use.
func (h *Heap) Blocks() (out [][3]int) {
	for g := 0; g < h.size/granule; {
		n := int(h.tag[g])
		used := 0
		if n <= 0 || !h.spots.isFree(g) {
			used = 1
			for n = 1; g+n < h.size/granule && !h.spots.isFree(g+n) && !h.spots.isUsed(g+n); {
				n++
			}
		}
		out = append(out, [3]int{g * granule, n * granule, used})
		g += n
	}
	return out
}

// Address is where its data begin, in bytes from the beginning of the heap; 0 without
// one.
func (b Block) Address() int {
	if b.addr == 0 {
		return 0
	}
	return int(b.addr) - 1 + SDK16.header()
}
