package vm_test

import "testing"

// Whatever way a value takes into a table, the account sees it.
func TestEveryStoreIsAccounted(t *testing.T) {
	const prelude = `
		local function settle() for i = 1, 5 do collectgarbage() end end
		local function fill(t) for i = 1, 32 do t["k" .. i] = i t[i + 0.5] = i end end
		local kept = {} fill(kept) -- the keys exist from now on
		local function cost(f)
			settle()
			local before = collectgarbage("count")
			local made = f()
			settle()
			return (collectgarbage("count") - before) * 1024
		end
		local function order(t) local s = "" for k in pairs(t) do s = s .. k .. " " end return s end
		local function table64() local t = {} for i = 1, 64 do t[i] = {i} end return t end
	`
	for _, tt := range []struct{ name, src, want string }{
		{"userdata's __newindex", `
			local into, proxy = {}, newproxy(true)
			getmetatable(proxy).__newindex = into
			local direct = {}
			cost(function() end)
			local a = cost(function() fill(proxy) end)
			local b = cost(function() fill(direct) end)
			print(a - b, order(into) == order(direct))`, "0\ttrue\n"},
		{"__newindex that leads to a userdata", `
			local into, proxy = {}, newproxy(true)
			getmetatable(proxy).__newindex = into
			local first = setmetatable({}, {__newindex = proxy})
			first.x = 1
			print(rawget(first, "x"), into.x)
			first.x = nil
			local a = cost(function() fill(first) end)
			print(a > 1500, order(into) == order(kept))`, "nil\t1\ntrue\ttrue\n"},
		{"__newindex that is a ROM table", `
			print(pcall(function() setmetatable({}, {__newindex = string}).new = 1 end))
			print(pcall(function() setmetatable({}, {__newindex = string})[1] = 1 end))
			local proxy = newproxy(true)
			getmetatable(proxy).__newindex = string
			print(pcall(function() proxy.new = 1 end))
			print(string.new, string[1])`,
			"false\ts:15: table is readonly\nfalse\ts:16: table is readonly\n" +
				"false\ts:19: table is readonly\nnil\tnil\n"},
		{"a coroutine's environment", `
			local co
			local bytes = cost(function()
				co = coroutine.create(function()
					setfenv(0, {data = table64()})
					coroutine.yield()
				end)
				coroutine.resume(co)
			end)
			print(bytes > 64 * 40)`, "true\n"},
		{"the registry", `
			print(cost(function() debug.getregistry().stash = table64() end) > 64 * 40)
			print(#debug.getregistry().stash)`, "true\n64\n"},
		{"package.loaded without package", `
			package.loaded.data = table64()
			settle()
			local before = collectgarbage("count")
			package, module, require = nil
			settle()
			print((before - collectgarbage("count")) * 1024 < 300)`, "true\n"},
		{"the mark of a module that is being loaded", `
			local with, without
			package.preload.m = function()
				settle()
				with = collectgarbage("count")
				package.loaded.m = true
				settle()
				without = collectgarbage("count")
			end
			require("m")
			print((with - without) * 1024)`, "0\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			fn, err := b.v.Load([]byte(prelude+tt.src), "=s")
			if err != nil {
				t.Fatal(err)
			}
			if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
				t.Fatalf("%s", lerr.Message())
			}
			if got := b.out.String(); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}
