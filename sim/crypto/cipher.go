package crypto

import (
	"crypto/aes"
	"crypto/cipher"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Figures of the SDK's AES, which is that of hostap as it was when it knew keys of 128
// bits only (documentation: "MUST be 16 bytes long"; assumed: hostap's size of a key).
const (
	keySize     = 16  // bytes
	scheduleLen = 176 // bytes: 44 words, on the heap as long as it works
	blockSteps  = 20  // VM instructions of 80 cycles for a block: estimated, ten rounds of 16 look-ups
)

// encrypt is crypto.encrypt(cipher, key, s[, iv]).
func (m *module) encrypt(c *vm.Call) int {
	return m.run(c, func(b cipher.Block, iv []byte) func(dst, src []byte) {
		if iv == nil {
			return b.Encrypt
		}
		return cipher.NewCBCEncrypter(b, iv).CryptBlocks
	})
}

// decrypt is crypto.decrypt(cipher, key, s[, iv]).
func (m *module) decrypt(c *vm.Call) int {
	return m.run(c, func(b cipher.Block, iv []byte) func(dst, src []byte) {
		if iv == nil {
			return b.Decrypt
		}
		return cipher.NewCBCDecrypter(b, iv).CryptBlocks
	})
}

// run works out block after block. The vector is nil for AES-ECB.
func (m *module) run(c *vm.Call, start func(b cipher.Block, iv []byte) func(dst, src []byte)) int {
	name := vm.CString(c.String(1))
	cbc := same(name, "AES-CBC")
	if !cbc && !same(name, "AES-ECB") {
		c.Error("unknown cipher: %s", name)
	}
	key, data, given := c.String(2), c.String(3), c.OptString(4, "")
	blocks := (len(data) + aes.BlockSize - 1) / aes.BlockSize
	var buffer heap.Block
	c.VM.Malloc(&buffer, blocks*aes.BlockSize)
	fail := func() {
		c.VM.Malloc(&buffer, 0)
		c.Error("crypto op failed")
	}
	if len(key) != keySize {
		m.d.Inspect.Hints.Here("crypto: the key has %d bytes, and the SDK's AES knows only those of %d", len(key), keySize)
		fail()
	}
	schedule, ok := m.d.Malloc(scheduleLen, heap.Other)
	if !ok {
		fail()
	}
	b, err := aes.NewCipher([]byte(key))
	if err != nil {
		panic(err) // of another length
	}
	var iv []byte
	if cbc {
		iv = make([]byte, aes.BlockSize)
		copy(iv, given)
	}
	src := make([]byte, blocks*aes.BlockSize)
	copy(src, data)
	out := make([]byte, len(src))
	step := start(b, iv)
	for at := 0; at < len(src); at += aes.BlockSize {
		step(out[at:at+aes.BlockSize], src[at:at+aes.BlockSize])
	}
	c.VM.ChargeSteps(blocks * blockSteps)
	m.d.Free(&schedule, heap.Other)
	c.PushBytes(out)
	c.VM.Malloc(&buffer, 0)
	return 1
}
