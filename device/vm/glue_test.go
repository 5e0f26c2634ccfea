package vm_test

import "testing"

// A finalizer that glues strings while a string is being made leaves that as it is.
func TestFinalizerGluesStrings(t *testing.T) {
	for _, mode := range collectorModes {
		b := newBounded(1<<20, 1e7)
		b.v.SetEGC(mode.mode, mode.limit)
		got := b.run(`
			local n = 0
			local function drop() local p = newproxy(true) getmetatable(p).__gc = function() n = n + 1 local x = "zzz" .. n .. "zzz" end end
			for i = 1, 300 do
				local text = tostring(i)
				drop()
				local s = "abc" .. text .. "abc"
				if s ~= table.concat({"abc", i, "abc"}) then error(s) end
				drop()
				local f = tostring(i + 0.5)
				if tonumber(f) ~= i + 0.5 then error(f) end
			end
			print(n > 0)`)
		if got != "true" {
			t.Errorf("%s: %s", mode.name, got)
		}
	}
}
