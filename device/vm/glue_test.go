package vm_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

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

// A reference that a finalizer makes while one is being made has another number.
func TestFinalizerMakesReferences(t *testing.T) {
	b := newBounded(1<<20, 1e7)
	refs := map[int]vm.Ref{}
	b.v.OpenModule("refs", []vm.Func{
		{Name: "set", Fn: func(c *vm.Call) int {
			r := b.v.Ref(c.Arg(2), "test")
			for _, other := range refs {
				if other == r {
					t.Fatal("one number twice")
				}
			}
			refs[c.Int(1)] = r
			return 0
		}},
		{Name: "get", Fn: func(c *vm.Call) int { return c.Return(b.v.Deref(refs[c.Int(1)])) }},
	}, nil)
	got := b.run(`
		local kept = {}
		for i = 1, 50 do
			kept[i], kept[-i] = {i}, {-i}
			do local p = newproxy(true) getmetatable(p).__gc = function() refs.set(-i, kept[-i]) end end
			local p = refs.set
			p = nil
			refs.set(i, kept[i])
		end
		collectgarbage()
		for i = 1, 50 do if refs.get(i) ~= kept[i] or refs.get(-i) ~= kept[-i] then error(i) end end
		print("well")`)
	if got != "well" {
		t.Error(got)
	}
}
