package app

// unlikeProbes are the probes that come out otherwise, and why. Those on numbers ran with a
// PC's C library, on which the firmware does not run: what its own gives is measured in
// numbers.json and language.json, which name these cases.
var unlikeProbes = map[string]string{
	"base/tonumber-tostring/007":        "strtod of a PC: tonumber of inf, nan and 0x1p4 (language.json tonumber/003)",
	"base/more/034":                     "sprintf of a PC: %.0f of 0.5 (language.json format/021)",
	"base/more/065":                     "sprintf of a PC: -0 (language.json number_format/019)",
	"base/more/066":                     "floor of a PC: beyond 32 bits (language.json arith/018)",
	"base/more/074":                     "floor of a PC: 5 % 0 (numbers.json mod)",
	"base/more/075":                     "floor of a PC: 1e15 % 7 (language.json arith/002)",
	"base/coercions-and-comparison/002": "sprintf of a PC: -0 (language.json number_format/019)",
	"sjson/sjson_encode/029":            "sprintf of a PC: %.19g of 1e100 (numbers.json, section format)",
	"sjson/sjson_decode/037":            "sprintf of a PC: -0 (modules-sjson.json sjson/066)",

	"wifi/wifi_station_listap/010": "what executed the probe has no scan, so its callback never comes; on the device it does, as the probes getap/format0 and 1 say, which were read",
}
