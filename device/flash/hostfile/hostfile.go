// Package hostfile keeps a whole flash chip, or an image of a part of one, in a file of the host:
// byte n of the file is byte n of the flash.
//
// A commit changes the file in all its places or in none, also when the process is killed in the
// middle: what is to be written goes into a journal beside the file first, with a checksum at its
// end, and whoever opens the file next does what a whole journal says and forgets a torn one. The
// file is locked while it is open, where the host can do that. Power cuts of the host are left to
// its file system.
package hostfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
)

// File is a flash in a file. It is a flash.Store.
type File struct {
	name    string
	size    int
	f       *os.File
	journal *os.File // nil until the first commit
	buf     []byte
}

// MaxSize is the largest flash there is, in bytes.
const MaxSize = 16 << 20

// Suffix is what the name of the journal has behind the file's.
const Suffix = ".journal"

// Open opens the file called name and returns its content. Whoever was killed while it wrote to
// the file has left a journal, which is done first. The error wraps fs.ErrNotExist when there is
// no such file.
func Open(name string) (*File, []byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("cannot open %s: %w", name, reason(err))
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s is not a file: give the file that holds the flash", name)
	case info.Size() > MaxSize:
		return nil, nil, fmt.Errorf("%s has %d bytes, and the largest flash %d: give a dump of the flash alone", name, info.Size(), MaxSize)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open %s for writing: %w", name, reason(err))
	}
	h := &File{name: name, size: int(info.Size()), f: f}
	if err := h.begin(); err != nil {
		f.Close()
		return nil, nil, err
	}
	content := make([]byte, h.size)
	if _, err := io.ReadFull(f, content); err != nil {
		h.Close()
		return nil, nil, fmt.Errorf("cannot read %s: %w", name, reason(err))
	}
	return h, content, nil
}

// Create makes a file of so many bytes of erased flash, which must not exist. It appears as a
// whole.
func Create(name string, size int) (*File, error) {
	temp := name + ".new"
	err := os.WriteFile(temp, bytes.Repeat([]byte{0xff}, size), 0o666)
	if err == nil {
		_ = os.Remove(name + Suffix) // of a file that is gone
		err = os.Rename(temp, name)
	}
	if err != nil {
		_ = os.Remove(temp) // the first error says more
		return nil, fmt.Errorf("cannot make %s: %w", name, reason(err))
	}
	h, _, err := Open(name)
	return h, err
}

// begin locks the file and does what its journal says.
func (h *File) begin() error {
	if err := lock(h.f); err != nil {
		return fmt.Errorf("%s is in use: another simulator has it open, end that first", h.name)
	}
	data, err := readAtMost(h.name+Suffix, maxJournal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w; it says what the last run was about to write: make it readable, or remove it and lose that", h.name+Suffix, reason(err))
	}
	if pieces, ok := parse(data, h.size); ok {
		if err := h.write(pieces); err != nil {
			return err
		}
	}
	if err := os.Remove(h.name + Suffix); err != nil {
		return fmt.Errorf("cannot remove %s: %w", h.name+Suffix, reason(err))
	}
	return nil
}

func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// Commit writes all pieces, or none if the process ends in the middle.
func (h *File) Commit(pieces []flash.Piece) error {
	if h.journal == nil {
		j, err := os.OpenFile(h.name+Suffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return fmt.Errorf("cannot make %s: %w", h.name+Suffix, reason(err))
		}
		h.journal = j
	}
	h.buf = appendJournal(h.buf[:0], pieces)
	if _, err := h.journal.WriteAt(h.buf, 0); err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", h.name+Suffix, reason(err)), h.journal.Truncate(0))
	}
	if err := h.write(pieces); err != nil {
		return err
	}
	if err := h.journal.Truncate(0); err != nil {
		return fmt.Errorf("cannot write %s: %w", h.name+Suffix, reason(err))
	}
	return nil
}

func (h *File) write(pieces []flash.Piece) error {
	for _, p := range pieces {
		if p.Address < 0 || p.Address+len(p.Data) > h.size {
			return fmt.Errorf("%s has %d bytes, and %d are to be written at %#x: give a file as large as the flash", h.name, h.size, len(p.Data), p.Address)
		}
		if _, err := h.f.WriteAt(p.Data, int64(p.Address)); err != nil {
			return fmt.Errorf("cannot write %s: %w", h.name, reason(err))
		}
	}
	return nil
}

// Close ends the use of the file and removes its journal, unless that has what the file lacks.
func (h *File) Close() error {
	err := h.f.Sync()
	if h.journal != nil {
		info, statErr := h.journal.Stat()
		err = errors.Join(err, statErr, h.journal.Close())
		if statErr == nil && info.Size() == 0 {
			err = errors.Join(err, os.Remove(h.name+Suffix))
		}
	}
	return errors.Join(err, h.f.Close())
}

// Size returns how many bytes the flash has.
func (h *File) Size() int { return h.size }

// A journal is a mark, the number of pieces, each as its address, length and bytes, and the
// CRC-32 of all before. Numbers are 32 bits, the lowest first.
const (
	mark       = "nodemcu-sim flash journal 1\n"
	maxPieces  = MaxSize / 256
	maxJournal = 2*MaxSize + 8*maxPieces
)

func appendJournal(b []byte, pieces []flash.Piece) []byte {
	b = append(b, mark...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(pieces)))
	for _, p := range pieces {
		b = binary.LittleEndian.AppendUint32(b, uint32(p.Address))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
		b = append(b, p.Data...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// parse reads a journal for a file of size bytes. One that is torn is not ok.
func parse(b []byte, size int) (pieces []flash.Piece, ok bool) {
	end := len(b) - 4
	if end < len(mark)+4 || string(b[:len(mark)]) != mark || binary.LittleEndian.Uint32(b[end:]) != crc32.ChecksumIEEE(b[:end]) {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(b[len(mark):])
	b = b[len(mark)+4 : end]
	for range n {
		if len(b) < 8 {
			return nil, false
		}
		at, length := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if length > len(b) || at+length > size {
			return nil, false
		}
		pieces = append(pieces, flash.Piece{Address: at, Data: b[:length]})
		b = b[length:]
	}
	return pieces, len(b) == 0
}

// reason strips what an error says about the file, which the message around it says better.
func reason(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}
