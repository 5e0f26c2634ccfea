package spiffs

// lookupAt is where the lookup has the entry of a page.
func (v *Volume) lookupAt(at place) int { return at.block*v.block + 2*at.entry }

// claim writes the owner of a page into the lookup.
func (v *Volume) claim(at place, id uint16) {
	var p [2]byte
	putU16(p[:], id)
	v.wr(v.lookupAt(at), p[:])
	v.allocated++
}

// allocate takes a free page and writes its header, and data behind it. finalize says
// that it is complete then.
func (v *Volume) allocate(h *header, data []byte, finalize bool) (int, error) {
	at, err := v.findFree()
	if err != nil {
		return 0, err
	}
	v.claim(at, h.id)
	pix := v.pageOf(at)
	h.flags &^= used
	v.wr(pix*PageSize, h.bytes())
	if data != nil {
		v.wr(pix*PageSize+headerSize, data)
	}
	if finalize && h.flags&final != 0 {
		h.flags &^= final
		v.wr(pix*PageSize+flagsAt, []byte{h.flags})
	}
	return pix, nil
}

// move writes a page to a free one and deletes it where it was: as it is, or with what it
// becomes, which is marked as complete at the end if it was.
func (v *Volume) move(from int, id uint16, content []byte) (to int, err error) {
	at, err := v.findFree()
	if err != nil {
		return 0, err
	}
	to = v.pageOf(at)
	wasFinal := false
	if content != nil {
		wasFinal = content[flagsAt]&final == 0
		content[flagsAt] = content[flagsAt]&^used | final
		v.wr(to*PageSize, content)
	} else {
		v.copy(to*PageSize, from*PageSize, PageSize)
	}
	v.claim(at, id)
	if wasFinal {
		content[flagsAt] &^= final | used
		v.wr(to*PageSize+flagsAt, content[flagsAt:flagsAt+1])
	}
	v.remove(from)
	return to, nil
}

// copy copies bytes of a page to another one.
func (v *Volume) copy(to, from, n int) {
	var buf [copyBuffer]byte
	for n > 0 {
		part := buf[:min(n, copyBuffer)]
		v.rd(dataLayer, from, part)
		v.wr(to, part)
		n, from, to = n-len(part), from+len(part), to+len(part)
	}
}

// remove marks a page as deleted.
func (v *Volume) remove(pix int) {
	v.wr(v.lookupAt(v.placeOf(pix)), []byte{0, 0})
	v.deleted++
	v.allocated--
	v.wrDeleted(pix*PageSize+flagsAt, []byte{0xff &^ (deleted | used)})
}

// checkPage says whether a page is what an index takes it for.
func (v *Volume) checkPage(l layer, pix uint16, span int) error {
	switch {
	case pix == noPage:
		return errFreePage
	case int(pix)%v.perBlock == 0, int(pix) >= len(v.blocks)*v.perBlock:
		return errBroken
	}
	return v.readHeader(l, int(pix)).check(l == indexLayer, span)
}

// eraseBlock erases a block and writes the count of erases and the number that makes it
// one of a file system.
func (v *Volume) eraseBlock(b int) {
	v.erase(b)
	v.freeBlocks++
	v.cache.find(b * v.perBlock)
	var p [2]byte
	putU16(p[:], v.eraseCount)
	v.program(v.eraseCountAt(b), p[:])
	putU16(p[:], v.magic(b))
	v.program(v.eraseCountAt(b)-2, p[:])
	v.eraseCount++
	if v.eraseCount == indexFlag {
		v.eraseCount = 0
	}
}

// eraseCountAt is where a block's count of erases is; its magic number is before it.
func (v *Volume) eraseCountAt(b int) int { return b*v.block + PageSize - 2 }

func (v *Volume) storedEraseCount(b int) uint16 {
	var p [2]byte
	v.read(v.eraseCountAt(b), p[:])
	return u16(p[:])
}

// noMagic is the magic number of the block behind the last one.
const noMagic = 0x20140529&0xffff ^ PageSize

// magic is the number of a block. It tells how many there are from it on (fw:
// spiffs_nucleus.h, SPIFFS_MAGIC).
func (v *Volume) magic(b int) uint16 { return noMagic ^ uint16(len(v.blocks)-b) }

func (v *Volume) storedMagic(b int) uint16 {
	var p [2]byte
	v.read(v.eraseCountAt(b)-2, p[:])
	return u16(p[:])
}
