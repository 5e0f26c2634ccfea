package lualib_test

import "testing"

// What require and module work with may be gone from where they found it when what they
// have called returns. It is theirs until they are done.
func TestRequireOfWhatIsReplaced(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"package.loaders", `
			package.loaders = {
				function() package.loaders = nil collectgarbage() for i = 1, 20 do local x = {i} end end,
				function() return function() return "found" end end}
			print(require("m"))`, "found"},
		{"package.loaded", `
			local r = debug.getregistry()
			package.preload.m = function() package.loaded, r._LOADED = nil collectgarbage() for i = 1, 20 do local x = {i} end end
			print(require("m"))`, "true"},
		{"the table of a module", `
			local function make()
				package.loaded.m = setmetatable({}, {__index = function() package.loaded.m = nil collectgarbage() for i = 1, 20 do local x = {i} end end})
			end
			make()
			local function f() module("m") return _NAME, _PACKAGE == "" end
			print(f())`, "m\ttrue"},
	} {
		m := newMachine()
		if got := m.run(tt.src); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
