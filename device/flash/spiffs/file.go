package spiffs

// Mode is what a file is opened for.
type Mode int

// The bits of a Mode (SPIFFS_RDONLY and so on).
const (
	Read     Mode = 1 << iota // reading
	Write                     // writing
	Append                    // each write goes to the end
	Create                    // a file that is missing is made
	Truncate                  // a file that exists is emptied
)

// descriptor is what SPIFFS knows of an open file. One that is closed keeps the place of
// its file, where the next open of that name looks first.
type descriptor struct {
	open       bool
	generation uint32 // which opening of it
	id         uint16 // with the index flag; deletedID once the file is gone
	size       uint32 // undefined: nothing was ever written
	first      int    // first index page
	objix      int    // the index page that was used last, and where it is
	objixAt    int
	offset     uint32
	mode       Mode
	page       int // of the cache, with what was written; -1 without one
	hash       uint32
	score      int // 0: never used
}

// File is an open file: the number of a descriptor, which is all that the firmware keeps,
// and which opening of it was meant.
type File struct {
	v          *Volume
	number     int
	generation uint32
}

// Foreign reports whether the descriptor belongs to another file by now: that of this one
// was freed when the file was removed, or all files by a format, and the program went on
// with it.
func (f File) Foreign() bool {
	fd := &f.v.fds[f.number]
	return fd.open && fd.generation != f.generation
}

// hash is what descriptors are found by again (djb2).
func hash(name string) uint32 {
	h := uint32(5381)
	for i := range min(len(name), nameSize-1) {
		h = h*33 ^ uint32(name[i])
	}
	return h
}

// take returns a free descriptor: for a name the one that had it last, else the one of
// the least use. A name that is found again is searched from where it was.
func (v *Volume) take(name string, named bool) (*descriptor, error) {
	if !v.mounted {
		return nil, ErrNotMounted
	}
	wanted := uint32(0)
	if named {
		wanted = hash(name)
		for i := range v.fds {
			if fd := &v.fds[i]; !fd.open && fd.score > 1 {
				fd.score--
			}
		}
	}
	var best *descriptor
	for i := range v.fds {
		fd := &v.fds[i]
		if fd.open {
			continue
		}
		if named && fd.hash == wanted {
			best = fd
			break
		}
		if best == nil || fd.score < best.score {
			best = fd
		}
	}
	if best == nil {
		return nil, ErrTooMany
	}
	if named {
		if best.hash == wanted && best.score > 0 {
			v.cursor = v.placeOf(best.first)
			best.score = min(best.score+hitScore, 0xffff)
		} else {
			best.score, best.hash = hitScore, wanted
		}
	}
	v.generations++
	best.open, best.generation = true, v.generations
	return best, nil
}

// Open opens a file. The position is at the start, also for Append.
func (v *Volume) Open(name string, mode Mode) (File, error) {
	fd, err := v.take(name, true)
	if err != nil {
		return File{}, err
	}
	if err := v.openName(fd, name, mode); err != nil {
		fd.open = false
		return File{}, err
	}
	fd.offset = 0
	for i := range v.fds {
		if fd == &v.fds[i] {
			return File{v, i, fd.generation}, nil
		}
	}
	panic("spiffs: a descriptor that is none")
}

func (v *Volume) openName(fd *descriptor, name string, mode Mode) error {
	pix, err := v.findName(name)
	if err != nil && mode&Create == 0 {
		return err
	}
	if err != nil {
		id, err := v.freeObject()
		if err != nil {
			return err
		}
		if pix, err = v.create(id, name); err != nil {
			return err
		}
		mode &^= Truncate
	}
	if err := v.openPage(fd, pix, mode); err != nil {
		return err
	}
	if mode&Truncate != 0 {
		return v.empty(fd, false)
	}
	return nil
}

// get returns the descriptor, if it is open.
func (f File) get() (*Volume, *descriptor, error) {
	if fd := &f.v.fds[f.number]; fd.open {
		return f.v, fd, nil
	}
	return f.v, nil, ErrClosed
}

// Read reads up to len(p) bytes. At the end of the file it returns 0.
func (f File) Read(p []byte) (int, error) {
	v, fd, err := f.get()
	if err != nil {
		return 0, err
	}
	if fd.mode&Read == 0 {
		return 0, ErrNotReadable
	}
	if fd.size == undefined {
		return 0, nil // what was written to it stays in the cache
	}
	_ = v.flush(f.number) // as SPIFFS does
	n := min(int64(len(p)), int64(fd.size)-int64(fd.offset))
	if n <= 0 {
		return 0, nil
	}
	if err := v.readData(fd, p[:n]); err != nil {
		return 0, err
	}
	fd.offset += uint32(n)
	return int(n), nil
}

// readData reads bytes that the file has.
func (v *Volume) readData(fd *descriptor, p []byte) error {
	loaded := -1
	at := int(fd.offset)
	for len(p) > 0 {
		span := at / DataSize
		objix, entry := indexOf(span)
		if objix != loaded {
			pix, err := v.loadIndex(fd, objix)
			if err != nil {
				return err
			}
			fd.objix, fd.objixAt = objix, pix
			loaded = objix
		}
		n := min(len(p), DataSize-at%DataSize)
		page := table(v.work[:], objix, entry)
		if err := v.checkPage(dataLayer, page, span); err != nil {
			return err
		}
		v.rd(dataLayer, int(page)*PageSize+headerSize+at%DataSize, p[:n])
		p = p[n:]
		at += n
	}
	return nil
}

// Write writes p at the position, or at the end with Append. Less than a page is kept
// in the cache if that has room.
func (f File) Write(p []byte) error {
	v, fd, err := f.get()
	if err != nil {
		return err
	}
	if fd.mode&Write == 0 {
		return ErrNotWritable
	}
	atEnd := fd.mode&Append != 0
	if atEnd {
		fd.offset = fd.end()
	}
	offset := fd.offset
	if fd.page < 0 {
		fd.page = v.written(fd)
	}
	if atEnd && fd.page >= 0 {
		c := &v.cache.pages[fd.page]
		offset = max(offset, c.offset+uint32(c.size))
	}
	small := len(p) < PageSize
	if fd.page >= 0 {
		c := &v.cache.pages[fd.page]
		fits := small && offset >= c.offset && offset <= c.offset+uint32(c.size) && offset+uint32(len(p)) <= c.offset+PageSize
		if !fits {
			err := v.writeBack(fd)
			if err != nil {
				return err
			}
		}
	}
	if small && fd.page < 0 {
		v.keep(fd, offset)
	}
	if small && fd.page >= 0 {
		c := &v.cache.pages[fd.page]
		at := int(offset - c.offset)
		copy(c.data[at:], p)
		c.size = max(c.size, at+len(p))
	} else if err := v.store(fd, offset, p); err != nil {
		return err
	}
	fd.offset += uint32(len(p))
	return nil
}

// end returns the size of the file, as far as it is on the flash.
func (fd *descriptor) end() uint32 {
	if fd.size == undefined {
		return 0
	}
	return fd.size
}

// writeBack writes what the cache holds for a descriptor, and lets go of it in any case.
func (v *Volume) writeBack(fd *descriptor) error {
	page := fd.page
	c := &v.cache.pages[page]
	err := v.store(fd, c.offset, c.data[:c.size])
	v.release(page)
	return err
}

// store writes data into the flash: over what the file has there, the rest behind it.
func (v *Volume) store(fd *descriptor, offset uint32, p []byte) error {
	if fd.size != undefined && offset < fd.size {
		n := min(int(fd.size-offset), len(p))
		if err := v.modify(fd, offset, p[:n]); err != nil {
			return err
		}
		p = p[n:]
		offset += uint32(n)
	}
	if len(p) == 0 {
		return nil
	}
	return v.append_(fd, offset, p)
}

// flush writes what the cache holds for the descriptor's file, also what another
// descriptor has written.
func (v *Volume) flush(number int) error {
	fd := &v.fds[number]
	if fd.page < 0 {
		fd.page = v.written(fd)
	}
	if fd.page < 0 {
		return nil
	}
	return v.writeBack(fd)
}

// Flush writes what the cache holds.
func (f File) Flush() error {
	v, _, err := f.get()
	if err != nil {
		return err
	}
	return v.flush(f.number)
}

// Close flushes and closes the file. One that can't be flushed stays open.
func (f File) Close() error {
	v, fd, err := f.get()
	if err != nil {
		return err
	}
	if err := v.flush(f.number); err != nil {
		return err
	}
	fd.open = false
	return nil
}

// Whence is what a position counts from.
type Whence int

// The kinds of Whence.
const (
	FromStart Whence = iota
	FromHere
	FromEnd
)

// Seek flushes and moves the position. Beyond the end it goes to the end, and the
// error is ErrEnd; before the start it stays.
func (f File) Seek(by int32, from Whence) error {
	v, fd, err := f.get()
	if err != nil {
		return err
	}
	_ = v.flush(f.number) // as SPIFFS does
	size := int32(fd.end())
	switch from {
	case FromHere:
		by += int32(fd.offset)
	case FromEnd:
		by += size
	}
	if by > size {
		fd.offset = uint32(size)
		return ErrEnd
	}
	objix, _ := indexOf(int(uint16(uint32(by) / DataSize)))
	if fd.objix != objix {
		pix, err := v.findSpan(fd.id|indexFlag, objix)
		if err != nil {
			return err
		}
		fd.objix, fd.objixAt = objix, pix
	}
	if by < 0 {
		fd.offset = uint32(by)
		return ErrEnd
	}
	fd.offset = uint32(by)
	return nil
}

// Pos flushes and returns the position.
func (f File) Pos() (int, error) {
	v, fd, err := f.get()
	if err != nil {
		return 0, err
	}
	if err := v.flush(f.number); err != nil {
		return 0, err
	}
	return int(fd.offset), nil
}

// Name returns the name of the open file, "" without one. It is for what looks at the
// device from outside.
func (f File) Name() string {
	fd := &f.v.fds[f.number]
	if !fd.open || fd.generation != f.generation {
		return ""
	}
	var page [firstTableAt]byte
	f.v.peek(fd.first*PageSize, page[:])
	name, _ := nameIn(page[:])
	return name
}

// OpenFiles returns how many descriptors are taken.
func (v *Volume) OpenFiles() int {
	n := 0
	for i := range v.fds {
		if v.fds[i].open {
			n++
		}
	}
	return n
}

// Remove removes a file. Descriptors that have it open are closed.
func (v *Volume) Remove(name string) error {
	fd, err := v.take("", false)
	if err != nil {
		return err
	}
	pix, err := v.findName(name)
	if err == nil {
		err = v.openPage(fd, pix, 0)
	}
	if err == nil {
		err = v.empty(fd, true)
	}
	fd.open = false
	return err
}

// Rename gives a file another name, which must be free.
func (v *Volume) Rename(from, to string) error {
	pix, err := v.findName(from)
	if err != nil {
		return err
	}
	if _, err := v.findName(to); err == nil {
		return ErrExists
	}
	fd, err := v.take("", false)
	if err != nil {
		return err
	}
	if err := v.openPage(fd, pix, 0); err != nil {
		fd.open = false
		return err
	}
	v.Changed[fd.id&^indexFlag] = true
	err = v.rewriteHeader(fd, fd.id, fd.first, nil, func(page []byte) { setName(page, to) })
	if err == nil {
		was, is := hash(from), hash(to)
		for i := range v.fds {
			if fd := &v.fds[i]; fd.score > 0 && fd.hash == was {
				fd.hash = is
			}
		}
	}
	fd.open = false
	return err
}

// Info is what is known of a file without opening it.
type Info struct {
	Object uint16
	Name   string
	Size   int // bytes
	first  int
}

// Stat finds a file by name.
func (v *Volume) Stat(name string) (Info, error) {
	pix, err := v.findName(name)
	if err != nil {
		return Info{}, err
	}
	var page [firstTableAt]byte
	v.rd(indexLayer, pix*PageSize, page[:])
	var id [2]byte
	v.rd(lookupLayer, v.lookupAt(v.placeOf(pix)), id[:])
	return infoIn(page[:], u16(id[:]), pix), nil
}

// infoIn is the file whose first index page that is.
func infoIn(page []byte, id uint16, pix int) Info {
	name, _ := nameIn(page)
	return Info{id &^ indexFlag, name, sizeIn(page), pix}
}

// Dir is a reader of all files, in the order in which their first index pages lie in the
// flash.
type Dir struct {
	v  *Volume
	at place
}

// Dir returns a reader at the start.
func (v *Volume) Dir() *Dir { return &Dir{v: v} }

// Next returns the next file. What the program does meanwhile may show.
func (d *Dir) Next() (info Info, ok bool) {
	v := d.v
	for at := d.at; at.block < len(v.blocks); at = (place{at.block + 1, 0}) {
		if at.entry >= v.entries() {
			continue
		}
		v.readLookup(at.block)
		for ; at.entry < v.entries(); at.entry++ {
			id := v.entryOf(at.entry)
			if id == freeID || id == deletedID || id&indexFlag == 0 {
				continue
			}
			pix := v.pageOf(at)
			var page [firstTableAt]byte
			v.rd(pastCache, pix*PageSize, page[:])
			if parseHeader(page[:]).alive() {
				d.at = place{at.block, at.entry + 1}
				return infoIn(page[:], id, pix), true
			}
		}
	}
	return Info{}, false
}
