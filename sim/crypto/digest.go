package crypto

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"hash"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// algorithm is a hash that the firmware has (fw: app/crypto/digests.c).
type algorithm struct {
	name    string
	new     func() hash.Hash
	context int // bytes of its state (fw: app/include/rom.h, app/crypto/sha2.h)
	// steps is what a block takes, in VM instructions of 80 cycles: estimated from the
	// rounds of the C code, of 20 (MD5) to 150 cycles (64 bits).
	steps int
}

var algorithms = []algorithm{
	{"MD5", md5.New, 92, 16},
	{"SHA1", sha1.New, 92, 32},
	{"SHA256", sha256.New, 104, 40},
	{"SHA384", sha512.New384, 208, 150},
	{"SHA512", sha512.New, 208, 150},
}

const (
	objectHead = 12 // bytes of an object before its context: three pointers (fw: crypto.c, digest_user_datum_t)
	fileSize   = 12 // bytes: struct myvfs_file (fw: app/spiffs/spiffs.c)
)

// find returns the algorithm that argument 1 names.
func find(c *vm.Call) *algorithm {
	name := vm.CString(c.String(1))
	for i := range algorithms {
		if same(algorithms[i].name, name) {
			return &algorithms[i]
		}
	}
	c.Error("unknown hash mech")
	return nil
}

// same compares names as strcasecmp does: letters beyond ASCII have no other case.
func same(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// digest is a hash or an HMAC that is being worked out.
type digest struct {
	*algorithm
	h        hash.Hash
	opad     []byte // an HMAC's key for the second round
	finished bool
}

// Go's hashes write what they hold in full, behind the four bytes of a magic. So they
// can be given the state that the firmware leaves behind.
type state interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

const magic = 4

func (a *algorithm) begin() *digest { return &digest{algorithm: a, h: a.new()} }

// beginHMAC is begin with the first round's key taken in. One that is longer than a
// block is hashed.
func (a *algorithm) beginHMAC(c *vm.Call, key string) *digest {
	d := a.begin()
	block := d.h.BlockSize()
	if len(key) > block {
		d.write(c, key)
		key = string(d.sum())
		d.h.Reset()
	}
	ipad := make([]byte, block)
	d.opad = make([]byte, block)
	copy(ipad, key)
	copy(d.opad, key)
	for i := range block {
		ipad[i] ^= 0x36
		d.opad[i] ^= 0x5c
	}
	d.write(c, string(ipad))
	return d
}

// write takes in text. Work on each block is charged.
func (d *digest) write(c *vm.Call, s string) {
	d.h.Write([]byte(s))
	c.VM.ChargeSteps((len(s) + d.h.BlockSize() - 1) / d.h.BlockSize() * d.steps)
}

// sum is the digest of what was written, after which all is zero: not the state with
// which a hash begins (fw: app/crypto/sha2.c; assumed of the chip's own MD5 and SHA-1).
func (d *digest) sum() []byte {
	sum := d.h.Sum(nil)
	s := d.h.(state)
	content, err := s.MarshalBinary()
	if err == nil {
		clear(content[magic:])
		err = s.UnmarshalBinary(content)
	}
	if err != nil {
		panic(err) // it has just written that
	}
	return sum
}

// finish is sum, for an HMAC with its second round.
func (d *digest) finish(c *vm.Call) []byte {
	sum := d.sum()
	if d.opad != nil {
		d.h.Reset()
		d.write(c, string(d.opad))
		d.write(c, string(sum))
		sum = d.sum()
	}
	return sum
}

// allocate takes n bytes of the heap as long as a function works.
func (m *module) allocate(c *vm.Call, n int) (free func()) {
	b, ok := m.d.Malloc(n, heap.Other)
	if !ok {
		c.Error("insufficient memory")
	}
	return func() { m.d.Free(&b, heap.Other) }
}

// sha1Of is crypto.sha1(s).
func sha1Of(c *vm.Call) int {
	d := algorithms[1].begin()
	d.write(c, c.String(1))
	c.PushBytes(d.sum())
	return 1
}

// hash is crypto.hash(algorithm, s).
func (m *module) hash(c *vm.Call) int {
	a, s := find(c), c.String(2)
	free := m.allocate(c, a.context)
	d := a.begin()
	d.write(c, s)
	sum := d.finish(c)
	free()
	c.PushBytes(sum)
	return 1
}

// hmac is crypto.hmac(algorithm, s, key).
func (m *module) hmac(c *vm.Call) int {
	a, s, key := find(c), c.String(2), c.String(3)
	free := m.allocate(c, a.context+a.new().BlockSize())
	d := a.beginHMAC(c, key)
	d.write(c, s)
	sum := d.finish(c)
	free()
	c.PushBytes(sum)
	return 1
}

// fhash is crypto.fhash(algorithm, file). It reads a block at a time.
func (m *module) fhash(c *vm.Call) int {
	a, name := find(c), vm.CString(c.String(2))
	descriptor, ok := m.d.Malloc(fileSize, heap.File)
	if !ok {
		c.Error("file does not exist")
	}
	h, err := m.d.Flash.Open(name, flash.Read)
	if err != nil {
		m.d.Free(&descriptor, heap.File)
		if err == flash.ErrTooMany {
			m.d.Inspect.Hints.Here("crypto.fhash says that the file does not exist: four files are open, the firmware has no more descriptors")
		}
		c.Error("file does not exist")
	}
	d := a.begin()
	block := d.h.BlockSize()
	closed := func() {
		_ = h.Close() // nothing was written
		m.d.Free(&descriptor, heap.File)
	}
	context, ok := m.d.Malloc(a.context, heap.Other)
	if !ok {
		closed()
		c.Error("insufficient memory")
	}
	buffer, ok := m.d.Malloc(block, heap.Other)
	if !ok {
		closed() // the context is lost, as in the firmware
		c.Error("insufficient memory")
	}
	for {
		data, err := h.ReadUntil(block, -1)
		if err == nil {
			d.write(c, string(data))
		}
		if len(data) < block {
			break
		}
	}
	m.d.Free(&buffer, heap.Other)
	m.d.Free(&context, heap.Other)
	closed()
	c.PushBytes(d.finish(c))
	return 1
}

// newHash is crypto.new_hash(algorithm).
func (m *module) newHash(c *vm.Call) int {
	a := find(c)
	return c.Return(c.VM.NewObject(m.kind, objectHead+a.context, a.begin()))
}

// newHMAC is crypto.new_hmac(algorithm, key).
func (m *module) newHMAC(c *vm.Call) int {
	a := find(c)
	d := a.beginHMAC(c, c.String(2))
	return c.Return(c.VM.NewObject(m.kind, objectHead+a.context+len(d.opad), d))
}

// update is crypto.hash:update(s).
func (m *module) update(c *vm.Call) int {
	d := c.Object(1, m.kind).(*digest)
	s := c.String(2)
	m.used(d)
	d.write(c, s)
	return 0
}

// finalize is crypto.hash:finalize().
func (m *module) finalize(c *vm.Call) int {
	d := c.Object(1, m.kind).(*digest)
	m.used(d)
	d.finished = true
	c.PushBytes(d.finish(c))
	return 1
}

// used gives a hint when an object goes on after its end.
func (m *module) used(d *digest) {
	if d.finished {
		m.d.Inspect.Hints.Here("this hash was finalized: what it gives from now on is no %s of anything. Make a new object for another text", d.name)
	}
}

// String names objects in heap snapshots.
func (d *digest) String() string { return d.name }
