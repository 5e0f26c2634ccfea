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

// Nor is there a second string of one content when the finalizer makes the same.
func TestFinalizerMakesTheSameString(t *testing.T) {
	for _, mode := range collectorModes {
		b := newBounded(1<<20, 1e7)
		b.v.SetEGC(mode.mode, mode.limit)
		got := b.run(`
			local kept, text = {}
			local function drop() local p = newproxy(true) getmetatable(p).__gc = function() kept[#kept + 1] = "abc" .. text end end
			for i = 1, 300 do
				text = tostring(i)
				drop()
				local s = "abc" .. text
				for j = 1, #kept do if kept[j] == s then kept[j] = nil end end
				for j = 1, #kept do if #kept[j] == #s and kept[j]:sub(4) == s:sub(4) then error(s .. " is there twice") end end
			end
			print("well")`)
		if got != "well" {
			t.Errorf("%s: %s", mode.name, got)
		}
	}
}
