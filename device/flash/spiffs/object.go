package spiffs

// create makes the first index page of a file without content.
func (v *Volume) create(id uint16, name string) (int, error) {
	if err := v.makeRoom(DataSize); err != nil {
		return 0, err
	}
	at, err := v.findFree()
	if err != nil {
		return 0, err
	}
	id |= indexFlag
	v.claim(at, id)
	page := make([]byte, firstTableAt)
	for i := range page {
		page[i] = 0xff
	}
	copy(page, header{id, 0, 0xff &^ (final | index | used)}.bytes())
	page[typeAt] = typeFile
	setName(page, name)
	pix := v.pageOf(at)
	v.wr(pix*PageSize, page)
	v.objectEvent(id, 0, pix, undefined, false)
	v.Changed[id&^indexFlag] = true
	return pix, nil
}

func setName(page []byte, name string) {
	p := page[nameAt : nameAt+nameSize]
	clear(p)
	copy(p, name)
}

// updateHeader writes the first index page anew, with a size unless that is 0.
func (v *Volume) updateHeader(fd *descriptor, id uint16, at int, content []byte, size uint32) error {
	return v.rewriteHeader(fd, id, at, content, func(page []byte) {
		if size != 0 {
			putU32(page[sizeAt:], size)
		}
	})
}

// rewriteHeader writes the first index page anew, changed. Without content it is read
// first.
func (v *Volume) rewriteHeader(fd *descriptor, id uint16, at int, content []byte, change func(page []byte)) error {
	id |= indexFlag
	if content == nil {
		content = v.work[:]
		v.rd(indexLayer, at*PageSize, content)
	}
	if err := parseHeader(content).check(true, 0); err != nil {
		return err
	}
	change(content)
	to, err := v.move(at, id, content)
	if err != nil {
		return err
	}
	v.objectEvent(id, 0, to, u32(content[sizeAt:]), false)
	if fd != nil {
		fd.first = to
	}
	return nil
}

// objectEvent tells the descriptors that an index page is somewhere else now, or gone.
// A size that is 0 has not changed. Descriptors that are closed are kept up, too: a file
// that is opened again is found by them.
func (v *Volume) objectEvent(id uint16, objix, to int, size uint32, gone bool) {
	for i := range v.fds {
		fd := &v.fds[i]
		if fd.id&^indexFlag != id&^indexFlag {
			continue
		}
		if objix == 0 && !gone {
			if fd.score == 0 {
				continue // never used
			}
			fd.first = to
			if size != 0 {
				fd.size = size
				actual := size
				if size == undefined {
					actual = 0
				}
				if actual > 0 && fd.page >= 0 {
					p := &v.cache.pages[fd.page]
					actual = max(actual, p.offset+uint32(p.size))
				}
				fd.offset = min(fd.offset, actual)
				if fd.page >= 0 && v.cache.pages[fd.page].offset > actual+1 {
					v.release(fd.page)
				}
			}
		} else if objix == 0 {
			if fd.open && fd.page >= 0 {
				v.release(fd.page)
			}
			fd.open = false
			fd.id = deletedID
		}
		if fd.objix == objix {
			fd.objixAt = to
			if gone {
				fd.objixAt = 0
			}
		}
	}
}

// openPage makes a descriptor one of the file whose first index page that is.
func (v *Volume) openPage(fd *descriptor, pix int, mode Mode) error {
	var page [firstTableAt]byte
	v.rd(indexLayer, pix*PageSize, page[:])
	var id [2]byte
	v.rd(lookupLayer, v.lookupAt(v.placeOf(pix)), id[:])
	fd.first = pix
	fd.size = u32(page[sizeAt:])
	fd.objix, fd.objixAt = 0, pix
	fd.id = u16(id[:])
	fd.mode = mode
	return parseHeader(page[:]).check(true, 0)
}

// loadIndex brings an index page of a descriptor's file into the work buffer.
func (v *Volume) loadIndex(fd *descriptor, objix int) (pix int, err error) {
	switch {
	case objix == 0:
		pix = fd.first
	case fd.objix == objix:
		pix = fd.objixAt
	default:
		if pix, err = v.findSpan(fd.id|indexFlag, objix); err != nil {
			return 0, err
		}
	}
	v.rd(indexLayer, pix*PageSize, v.work[:])
	return pix, parseHeader(v.work[:]).check(true, objix)
}

// append_ writes data behind the end of a file. The index page that lists what is being
// written stays in the work buffer until it is full.
func (v *Volume) append_(fd *descriptor, offset uint32, data []byte) error {
	if offset > fd.size {
		offset = fd.size
	}
	if err := v.makeRoom(len(data) + DataSize); err != nil { // a page for the index
		return err
	}
	v.Changed[fd.id&^indexFlag] = true
	var (
		objix, loaded = 0, -1
		at            = fd.first // of the index page
		span          = int(offset) / DataSize
		within        = int(offset) % DataSize
		written       = 0
		failed        error
	)
	end := func() uint32 { return offset + uint32(written) }
	for written < len(data) {
		objix, _ = indexOf(span)
		if objix != loaded {
			if written > 0 {
				if err := v.storeIndex(fd, loaded, at, offset, end(), false); err != nil {
					return err
				}
				fd.size = end()
			}
			last, _ := indexOf(int(fd.size-1) / DataSize)
			if objix != 0 && (written > 0 || objix > last) {
				h := header{fd.id | indexFlag, uint16(objix), 0xff &^ (final | index)}
				pix, err := v.allocate(&h, nil, true)
				if err != nil {
					return err
				}
				for i := range v.work {
					v.work[i] = 0xff
				}
				copy(v.work[:], h.bytes())
				at = pix
				v.objectEvent(fd.id, objix, at, 0, false)
			} else {
				pix, err := v.loadIndex(fd, objix)
				if err != nil {
					return err
				}
				at = pix
			}
			if objix != 0 {
				fd.objix, fd.objixAt = objix, at
				fd.size = end()
			}
			loaded = objix
		}
		n := min(len(data)-written, DataSize-within)
		_, entry := indexOf(span)
		var page int
		if within == 0 {
			h := header{fd.id &^ indexFlag, uint16(span), 0xff &^ final}
			if page, failed = v.allocate(&h, data[written:written+n], true); failed != nil {
				break
			}
		} else {
			listed := table(v.work[:], objix, entry)
			if err := v.checkPage(dataLayer, listed, span); err != nil {
				return err
			}
			page = int(listed)
			v.wr(page*PageSize+headerSize+within, data[written:written+n])
		}
		setTable(v.work[:], objix, entry, uint16(page))
		if objix == 0 {
			putU32(v.work[sizeAt:], end())
		}
		within = 0
		span++
		written += n
	}
	fd.size = end()
	fd.objix, fd.objixAt = objix, at
	if err := v.storeIndex(fd, objix, at, offset, end(), true); err != nil {
		return err
	}
	return failed
}

// storeIndex writes the index page in the work buffer, and the size. A page whose new
// entries were free is written where it is; the first one is written anew unless the file
// was empty; descriptors are told of the size of that one at the end only.
func (v *Volume) storeIndex(fd *descriptor, objix, at int, offset, end uint32, last bool) error {
	if objix == 0 {
		if offset != 0 {
			return v.updateHeader(fd, fd.id, fd.first, v.work[:], end)
		}
		putU32(v.work[sizeAt:], end)
		if err := v.checkPage(indexLayer, uint16(at), 0); err != nil {
			return err
		}
		v.wr(at*PageSize, v.work[:])
		if last {
			v.objectEvent(fd.id, 0, at, end, false)
		}
		return nil
	}
	if err := v.checkPage(indexLayer, uint16(at), objix); err != nil {
		return err
	}
	v.wr(at*PageSize, v.work[:])
	v.objectEvent(fd.id, objix, at, 0, false)
	return v.updateHeader(fd, fd.id, fd.first, nil, end)
}

// modify writes over what is in a file: each page that it touches is written anew.
func (v *Volume) modify(fd *descriptor, offset uint32, data []byte) error {
	if err := v.makeRoom(len(data) + DataSize); err != nil {
		return err
	}
	v.Changed[fd.id&^indexFlag] = true
	var (
		objix, loaded = 0, -1
		at            = fd.first
		span          = int(offset) / DataSize
		within        = int(offset) % DataSize
		page          = noPage
		failed        error
	)
	for rest := data; len(rest) > 0; {
		objix, _ = indexOf(span)
		if objix != loaded {
			if loaded >= 0 {
				if err := v.moveIndex(fd, loaded, at); err != nil {
					return err
				}
			}
			pix, err := v.loadIndex(fd, objix)
			if err != nil {
				return err
			}
			at, loaded = pix, objix
			fd.objix, fd.objixAt = objix, at
		}
		n := min(len(rest), DataSize-within)
		_, entry := indexOf(span)
		old := table(v.work[:], objix, entry)
		if n == DataSize {
			// SPIFFS does not look whether there was a page: without one the index
			// lists the last one twice, and the old one is lost.
			h := header{fd.id &^ indexFlag, uint16(span), 0xff}
			if next, err := v.allocate(&h, rest[:n], true); err == nil {
				page = next
			}
		} else {
			if err := v.checkPage(dataLayer, old, span); err != nil {
				return err
			}
			next, err := v.replace(fd, int(old), span, within, rest[:n])
			if err != nil {
				failed = err
				break
			}
			page = next
		}
		v.remove(int(old))
		setTable(v.work[:], objix, entry, uint16(page))
		within = 0
		span++
		rest = rest[n:]
	}
	fd.objix, fd.objixAt = objix, at
	if err := v.moveIndex(fd, objix, at); err != nil {
		return err
	}
	return failed
}

// replace writes a data page anew, with data in a part of it.
func (v *Volume) replace(fd *descriptor, old, span, within int, data []byte) (int, error) {
	h := header{fd.id &^ indexFlag, uint16(span), 0xff}
	page, err := v.allocate(&h, nil, false)
	if err != nil {
		return 0, err
	}
	to, from := page*PageSize+headerSize, old*PageSize+headerSize
	v.copy(to, from, within)
	behind := within + len(data)
	v.copy(to+behind, from+behind, DataSize-behind)
	v.wr(to+within, data)
	v.wr(page*PageSize+flagsAt, []byte{h.flags &^ final})
	return page, nil
}

// moveIndex writes the index page in the work buffer anew.
func (v *Volume) moveIndex(fd *descriptor, objix, at int) error {
	if objix == 0 {
		return v.updateHeader(fd, fd.id, fd.first, v.work[:], 0)
	}
	if err := v.checkPage(indexLayer, uint16(at), objix); err != nil {
		return err
	}
	to, err := v.move(at, fd.id, v.work[:])
	if err != nil {
		return err
	}
	fd.objix, fd.objixAt = objix, to
	v.objectEvent(fd.id, objix, to, 0, false)
	return nil
}

// empty deletes a file's data from the end, and the file itself if remove is set. A file
// that is emptied needs a page for its new first index page; removing one needs none.
func (v *Volume) empty(fd *descriptor, remove bool) error {
	if (fd.size == undefined || fd.size == 0) && !remove {
		return nil
	}
	if !remove {
		if err := v.makeRoom(2 * DataSize); err != nil {
			return err
		}
	}
	v.Changed[fd.id&^indexFlag] = true
	at := fd.first
	size := fd.size
	if size == undefined {
		size = 0
	}
	if remove {
		v.wr(fd.first*PageSize+flagsAt, []byte{0xff &^ (used | index | final | ixdelete)})
	}
	objix, loaded := 0, -1
	for span := (int(size) - 1) / DataSize; size > 0; span-- {
		objix, _ = indexOf(span)
		if objix != loaded {
			if loaded >= 0 {
				if err := v.dropIndex(fd, at, loaded); err != nil {
					return err
				}
				if !remove {
					if err := v.updateHeader(fd, fd.id, fd.first, nil, size); err != nil {
						return err
					}
				}
				fd.size = size
			}
			at = fd.first
			if objix != 0 {
				var err error
				if at, err = v.findSpan(fd.id|indexFlag, objix); err != nil {
					return err
				}
			}
			v.rd(indexLayer, at*PageSize, v.work[:])
			if err := parseHeader(v.work[:]).check(true, objix); err != nil {
				return err
			}
			fd.objix, fd.objixAt = objix, at
			loaded = objix
		}
		_, entry := indexOf(span)
		page := table(v.work[:], objix, entry)
		setTable(v.work[:], objix, entry, noPage)
		switch err := v.checkPage(dataLayer, page, span); err {
		case nil:
			v.remove(int(page))
		case errDeleted, errFreePage:
		default:
			return err
		}
		size = uint32(span) * DataSize
		fd.size = size
	}
	if remove {
		if err := v.dropIndex(fd, at, 0); err != nil {
			return err
		}
	} else {
		for i := firstTableAt; i < PageSize; i++ {
			v.work[i] = 0xff
		}
		if err := v.updateHeader(fd, fd.id, at, v.work[:], undefined); err != nil {
			return err
		}
	}
	fd.size = 0
	return nil
}

// dropIndex deletes an index page.
func (v *Volume) dropIndex(fd *descriptor, at, objix int) error {
	if err := v.checkPage(indexLayer, uint16(at), objix); err != nil {
		return err
	}
	v.remove(at)
	v.objectEvent(fd.id, objix, at, 0, true)
	return nil
}
