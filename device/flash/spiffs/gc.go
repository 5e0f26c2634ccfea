package spiffs

// What the collector makes of pages when it chooses a block (fw: spiffs_config.h,
// SPIFFS_GC_HEUR_W_*).
const (
	scoreDeleted = 5
	scoreUsed    = -1
	scoreAge     = 50 // of each erase of others since the block's
)

// Collecting reports whether the collector is moving pages: they are deleted where they were before
// the index says where they are, so without power the file ends there.
func (v *Volume) Collecting() bool { return v.cleaning }

func (v *Volume) freePages() int { return v.usable() - v.allocated - v.deleted }

// makeRoom makes sure that size bytes can be written, as far as can be told before: a
// write that needs index pages, too, may fail in the middle. It collects when few blocks
// are free, also if there is room.
func (v *Volume) makeRoom(size int) error {
	free := v.freePages()
	if v.freeBlocks > 3 && size < free*DataSize {
		return nil
	}
	needed := (size + DataSize - 1) / DataSize
	if needed > free+v.deleted {
		return ErrFull
	}
	for tries := 0; ; {
		before := free
		block := v.candidate(free <= 0)
		v.cleaning = true
		err := v.clean(block)
		v.cleaning = false
		if err != nil {
			return err
		}
		v.did.Cleaned++
		v.countOut(block)
		v.eraseAndDrop(block)
		free = v.freePages()
		if before <= 0 && before == free {
			break // it gave nothing
		}
		if tries++; tries >= gcMaxRuns || v.freeBlocks > spare && size <= free*DataSize {
			break
		}
	}
	if size > v.freePages()*DataSize {
		return ErrFull
	}
	return nil
}

// candidate returns the block that is best cleaned. Its age counts most, unless the file
// system is crammed: that levels the wear, so a block without a deleted page may be moved,
// and one that is free be erased once more, which then counts as a free block twice.
func (v *Volume) candidate(crammed bool) int {
	block, best := -1, 0
	for b := range v.blocks {
		dead, alive := 0, 0
		v.readLookup(b)
		for e := range v.entries() {
			id := v.entryOf(e)
			if id == freeID {
				break
			}
			if id == deletedID {
				dead++
			} else {
				alive++
			}
		}
		var p [2]byte
		v.rd(pastCache, v.eraseCountAt(b), p[:])
		count := u16(p[:])
		age := v.eraseCount - count
		if v.eraseCount <= count {
			age = freeID - (count - v.eraseCount)
		}
		score := dead*scoreDeleted + alive*scoreUsed
		if !crammed {
			score += int(age) * scoreAge
		}
		if block < 0 || score > best {
			block, best = b, score
		}
	}
	return block
}

// countOut takes the pages of a block out of the counts.
func (v *Volume) countOut(block int) {
	v.readLookup(block)
	for e := range v.entries() {
		switch v.entryOf(e) {
		case freeID:
		case deletedID:
			v.deleted--
		default:
			v.allocated--
		}
	}
}

func (v *Volume) eraseAndDrop(block int) {
	v.eraseBlock(block)
	for p := range v.perBlock {
		v.drop(block*v.perBlock + p)
	}
}

// eraseDeleted erases the first block of which all pages are deleted.
func (v *Volume) eraseDeleted() error {
	for b := range v.blocks {
		v.readLookup(b)
		dead := 0
		for dead < v.entries() && v.entryOf(dead) == deletedID {
			dead++
		}
		if dead == v.entries() {
			v.deleted -= dead
			v.eraseAndDrop(b)
			return nil
		}
	}
	return errNoBlock
}

// clean moves what is alive in a block elsewhere. Data pages go with those of the same
// index page, which is written anew when all are moved; then the index pages follow.
func (v *Volume) clean(block int) error {
	if v.freeAt.block == block {
		v.freeAt = place{(block + 1) % len(v.blocks), 0}
	}
	v.readLookup(block)
	for next := 0; next < v.entries(); {
		id := v.entryOf(next)
		if id == deletedID || id == freeID || id&indexFlag != 0 {
			next++
			continue
		}
		h := v.readHeader(pastCache, v.pageOf(place{block, next}))
		next++
		objix, _ := indexOf(int(h.span))
		if err := v.cleanData(block, id, objix); err != nil {
			return err
		}
		v.readLookup(block)
	}
	v.readLookup(block)
	for e := range v.entries() {
		id := v.entryOf(e)
		if id == deletedID || id == freeID || id&indexFlag == 0 {
			continue
		}
		pix := v.pageOf(place{block, e})
		h := v.readHeader(pastCache, pix)
		if h.flags&deleted == 0 { // in the page and not in the lookup
			v.remove(pix)
			v.objectEvent(id, int(h.span), pix, 0, true)
			continue
		}
		to, err := v.move(pix, id, nil)
		if err != nil {
			return err
		}
		v.objectEvent(id, int(h.span), to, 0, false)
		v.readLookup(block)
	}
	return nil
}

// cleanData moves the data pages of a block that one index page lists.
func (v *Volume) cleanData(block int, id uint16, objix int) error {
	ixPage, err := v.findSpan(id|indexFlag, objix)
	if err != nil {
		return err
	}
	v.rd(pastCache, ixPage*PageSize, v.work[:])
	if err := parseHeader(v.work[:]).check(true, objix); err != nil {
		return err
	}
	v.readLookup(block)
	for e := range v.entries() {
		if v.entryOf(e) != id {
			continue
		}
		pix := v.pageOf(place{block, e})
		h := v.readHeader(pastCache, pix)
		listed, entry := indexOf(int(h.span))
		if listed != objix {
			continue
		}
		to := noPage
		if h.flags&deleted != 0 {
			if to, err = v.move(pix, id, nil); err != nil {
				return err
			}
			v.readLookup(block)
		} else {
			v.remove(pix)
		}
		setTable(v.work[:], objix, entry, uint16(to))
	}
	if objix == 0 {
		return v.updateHeader(nil, id, ixPage, v.work[:], 0)
	}
	to, err := v.move(ixPage, id|indexFlag, v.work[:])
	if err == nil {
		v.objectEvent(id, objix, to, 0, false)
	}
	return err
}
