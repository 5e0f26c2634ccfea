// Package crypto is the firmware module crypto: hashes, HMACs and AES (fw:
// docs/modules/crypto.md, app/modules/crypto.c, app/crypto/).
//
// crypto.hash(algorithm, s) is the digest of a string, crypto.fhash(algorithm, file) that
// of a file, crypto.hmac(algorithm, s, key) a signature. crypto.new_hash(algorithm) and
// crypto.new_hmac(algorithm, key) make objects that take their text in pieces: update,
// then finalize. Algorithms are "MD5", "SHA1", "SHA256", "SHA384" and "SHA512", in
// capitals or not; a build has no MD2 unless it is switched on. All results are bytes;
// encoder.toHex makes them readable.
//
// crypto.encrypt(cipher, key, s[, iv]) and decrypt know "AES-ECB" and "AES-CBC" with
// a key of 16 bytes; any other length is "crypto op failed". Text and initial vector are
// filled up with zeros, a longer vector is cut. So decrypted text ends in zeros, and
// :match("(.-)%z*$") takes them off.
//
// crypto.mask(s, mask) is s with each byte xored with one of the mask, which repeats.
// crypto.sha1 is hash("SHA1", …). crypto.toHex and crypto.toBase64 are old names for
// those of encoder: they print that they will be removed, and in a build with encoder
// they call what stands in the global variable of that name.
//
// Odd corners of the firmware:
//   - An object is empty after finalize, but not new: another digest of it is that of
//     nothing meaningful. The log says so.
//   - The result of mask is put together in pieces, so 4096 bytes or more are "string
//     length overflow" under the default collector setting.
//   - fhash needs a file descriptor, and says "file does not exist" without one.
//
// Memory is the firmware's: what works is on the heap as long as it works, and an object
// is a userdata of 104 to 348 bytes.
package crypto

import (
	"encoding/base64"
	"encoding/hex"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// Module is the module.
var Module = device.Module{Name: "crypto", Open: open}

type module struct {
	d       *device.Device
	kind    *vm.Type // crypto.hash
	encoder bool     // the build has module encoder
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d, encoder: slices.Contains(d.ModuleNames(), "encoder")}
	m.kind = &vm.Type{
		Name: "crypto.hash",
		Methods: []vm.Func{
			{Name: "update", Fn: m.update},
			{Name: "finalize", Fn: m.finalize},
		},
	}
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "sha1", Fn: sha1Of},
			{Name: "toBase64", Fn: m.old("toBase64", base64.StdEncoding.EncodeToString)},
			{Name: "toHex", Fn: m.old("toHex", hex.EncodeToString)},
			{Name: "mask", Fn: mask},
			{Name: "hash", Fn: m.hash},
			{Name: "fhash", Fn: m.fhash},
			{Name: "new_hash", Fn: m.newHash},
			{Name: "hmac", Fn: m.hmac},
			{Name: "new_hmac", Fn: m.newHMAC},
			{Name: "encrypt", Fn: m.encrypt},
			{Name: "decrypt", Fn: m.decrypt},
		},
		Types: []*vm.Type{m.kind},
	}
}

// mask is crypto.mask(s, mask).
func mask(c *vm.Call) int {
	s, mask := c.String(1), c.String(2)
	if mask == "" {
		c.Error("invalid argument: mask")
	}
	b := lualib.NewBuffer(c)
	for i := range len(s) {
		b.Byte(s[i] ^ mask[i%len(mask)])
	}
	return b.Finish()
}

// old makes crypto.toBase64(s) or crypto.toHex(s), which encoder has today.
func (m *module) old(name string, encode func([]byte) string) func(*vm.Call) int {
	note := func() {
		m.d.Serial.WriteText("Warning, deprecated API! crypto." + name + ". It will be removed in the next version. See documentation for details.\n")
	}
	if !m.encoder {
		return func(c *vm.Call) int {
			s := c.String(1)
			note()
			b := lualib.NewBuffer(c)
			b.String(encode([]byte(s)))
			return b.Finish()
		}
	}
	return func(c *vm.Call) int {
		note()
		if c.NArgs() != 1 {
			c.Error("%s must have one argument", name)
		}
		t, ok := c.Global("encoder").(*vm.Table)
		if !ok {
			c.ArgError(-1, "table expected, got "+c.VM.TypeName(c.Global("encoder")))
		}
		return c.Return(c.Invoke(c.Index(t, vm.String(name)), 1, c.Arg(1))...)
	}
}
