package encoder_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/encoder.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "encoder", With: "crypto",
		Examples: []docpage.Example{
			{Of: "encoder.toBase64()", What: "example: a digest", Lua: `print(encoder.toBase64(crypto.hash("md5", "sensor")))`, Want: "pf4m1dCbc2p39DRen4C5UQ=="},
			{Of: "encoder.fromBase64()", What: "example; and what is none", Lua: `print(encoder.fromBase64(encoder.toBase64("good morning"))) print(pcall(encoder.fromBase64, "a?"))`,
				Want: "good morning\nfalse\tInvalid base64 string"},
			{Of: "encoder.toHex()", What: "example: a digest", Lua: `print(encoder.toHex(crypto.hash("md5", "sensor")))`, Want: "a5fe26d5d09b736a77f4345e9f80b951"},
			{Of: "encoder.fromHex()", What: "example; and what is none", Lua: `print(encoder.fromHex("4c7561")) print(pcall(encoder.fromHex, "4c7"))`,
				Want: "Lua\nfalse\tInvalid hex string"},
		},
	}.Run(t)
}
