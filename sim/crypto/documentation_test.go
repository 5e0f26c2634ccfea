package crypto_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/crypto.md).
func TestDocumentation(t *testing.T) {
	const warning = "Warning, deprecated API! crypto."
	const removed = ". It will be removed in the next version. See documentation for details.\n"
	docpage.Page{
		Module: "crypto", With: "encoder file",
		Files: map[string]string{"code.lua": "return 42\n"},
		Examples: []docpage.Example{
			{Of: "crypto.encrypt()", What: "example; CBC with and without a vector", Lua: `
				local key, hex = "fedcba0987654321", encoder.toHex
				print(hex(crypto.encrypt("AES-ECB", key, "meet me at nine")))
				print(#crypto.encrypt("AES-CBC", key, ("x"):rep(17)),
					crypto.encrypt("AES-CBC", key, "x") == crypto.encrypt("AES-CBC", key, "x", ("\0"):rep(16)),
					crypto.encrypt("AES-CBC", key, "x") == crypto.encrypt("AES-CBC", key, "x", key))`, Want: "afbcca76ce46038b55dba1627508d3b4\n32\ttrue\tfalse"},
			{Of: "crypto.decrypt()", What: "example; the padding goes as the page says", Lua: `
				local key = "fedcba0987654321"
				local secret = crypto.encrypt("AES-ECB", key, "meet me at nine") local plain = crypto.decrypt("AES-ECB", key, secret)
				print(#plain, plain:match("(.-)%z*$"))
				secret = crypto.encrypt("AES-CBC", key, "and again, later", key) print(crypto.decrypt("AES-CBC", key, secret, key))`,
				Want: "16\tmeet me at nine\nand again, later"},
			{Of: "crypto.fhash()", What: "example", Lua: `print(encoder.toHex(crypto.fhash("SHA1", "code.lua")))`, Want: "7f56514c404a51283e9b7dc68db6c96951daad64"},
			{Of: "crypto.hash()", What: "example: every algorithm", Lua: `
				for _, name in ipairs{"md5", "Sha1", "SHA256", "SHA384", "SHA512"} do print(encoder.toHex(crypto.hash(name, "xyz")):sub(1, 12)) end`,
				Want: "d16fb36f0911\n66b27417d37e\n3608bca1e44e\nedcb0f4721e6\n4a3ed8147e37"},
			{Of: "crypto.hash()", What: "MD2 is not there by default", Lua: `print(pcall(crypto.hash, "MD2", "xyz"))`, Want: "false\tunknown hash mech"},
			{Of: "crypto.new_hash(), crypto.hash:update(), crypto.hash:finalize()", What: "example", Lua: `
				local sum = crypto.new_hash("sha256") sum:update("left and ") sum:update("right")
				print(sum:finalize() == crypto.hash("sha256", "left and right"))`, Want: "true"},
			{Of: "crypto.hmac()", What: "example", Lua: `print(encoder.toHex(crypto.hmac("md5", "xyz", "pass phrase")))`, Want: "b55d5e2dd5095177eae950f627af757c"},
			{Of: "crypto.new_hmac()", What: "example", Lua: `
				local sum = crypto.new_hmac("SHA1", "\0key\255") sum:update("left and ") sum:update("right")
				print(sum:finalize() == crypto.hmac("SHA1", "left and right", "\0key\255"))`, Want: "true"},
			{Of: "crypto.mask()", What: "example; twice is nothing", Lua: `
				local hidden = crypto.mask("attack at dawn", "K9") print(encoder.toHex(hidden), crypto.mask(hidden, "K9"))`,
				Want: "2a4d3f5828526b583f192f583c57\tattack at dawn"},
			{Of: "crypto.toBase64()", What: "example: deprecated", Lua: `print(crypto.toBase64(crypto.hash("md5", "sensor")))`,
				Want: warning + "toBase64" + removed + "pf4m1dCbc2p39DRen4C5UQ=="},
			{Of: "crypto.toHex()", What: "example: deprecated", Lua: `print(crypto.toHex(crypto.hash("md5", "sensor")))`,
				Want: warning + "toHex" + removed + "a5fe26d5d09b736a77f4345e9f80b951"},
			{Of: "crypto.sha1()", What: "not on the page any more", Lua: `print(crypto.sha1("xyz") == crypto.hash("SHA1", "xyz"))`, Want: "true"},
		},
	}.Run(t)
}
