local function eq(a, b)
  if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end
end
local function raises(text, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("no error", 2) end
  if not tostring(err):find(text, 1, true) then error("the error is " .. tostring(err), 2) end
end

describe("http", function()
  it("asks", function()
    local r = sim.http{path = "/a?b=1", method = "post", headers = {["X-Test"] = "yes"}, body = "data"}
    eq(r.status, 200)
    eq(r.reason, "OK")
    eq(r.version, "1.1")
    eq(r.headers["content-length"], tostring(#r.body))
    eq(r.body, "/a?b=1|data|yes")
  end)
  it("reads chunks, and until the end", function()
    eq(sim.http{path = "/chunked"}.body, "nodemcu")
    local r = sim.http{path = "/close"}
    eq(r.status, 404)
    eq(r.reason, "Not here")
    eq(r.headers["x-a"], "1, 2")
    eq(r.body, "until the end")
  end)
  it("keeps connections", function()
    local c = sim.connect(80)
    eq(c:http{path = "/1"}.body, "/1||")
    eq(c:http{path = "/chunked"}.body, "nodemcu")
    eq(c:http{path = "/2"}.body, "/2||")
    c:close()
  end)
  it("may fail", function()
    local r, why = sim.http{path = "/garbage", try = true}
    eq(r, nil)
    eq(why:find("no HTTP", 1, true) ~= nil, true)
    raises("path must be a path without blanks", sim.http, {path = "/a b"})
    raises("the header \"A B\" is none", sim.http, {headers = {["A B"] = "c"}})
    raises("sim.http knows no pth", sim.http, {pth = "/"})
  end)
end)
