local eq, raises = dofile("checks.lua")

-- ask returns the code and body of a request to https://….
local function ask(url, timeout)
  local code, body
  http.get(url, nil, function(c, b) code, body = c, b end)
  sim.run_until(function() return code end, timeout or 30000)
  return code, body
end
local function trust(pem)
  tls.cert.verify(function(k) if k == 1 then return pem end end)
end

describe("TLS", function()
  after_each(function() tls.cert.verify(false) tls.cert.auth(false) end)

  it("answers https", function()
    local api = sim.listen("api.example.com", 443, {tls = true}):respond(function(q)
      return {status = 201, body = q.method .. " " .. q.path}
    end)
    trust(sim.ca())
    local code, body = ask("https://api.example.com/now")
    eq(code, 201)
    eq(body, "GET /now")
    eq(api:expect("/now").host, "api.example.com")
    eq(api:accepted(), 1)
  end)

  it("fails where nobody is believed", function()
    trust(sim.ca())
    local l = sim.listen("evil.example", 443, {tls = {unknown = true}}):respond("mine")
    eq((ask("https://evil.example/")), -1)
    eq(l:failed(1000), "the client ended it: bad certificate")
    eq(l:accepted(), 0)
    tls.cert.verify(false)
    eq((ask("https://evil.example/")), 200)
    l:close()
    -- The chip looks at neither names nor dates.
    trust(sim.ca())
    sim.listen("evil.example", 443, {tls = {name = "else.example", expired = true}}):respond("old")
    eq((ask("https://evil.example/")), 200)
  end)

  it("has certificates between", function()
    trust(sim.ca())
    local l = sim.listen("long.example", 443, {tls = {chain = 3}}):respond("x")
    eq((ask("https://long.example/")), 200)
    l:close()
    l = sim.listen("long.example", 443, {tls = {chain = 4}}):respond("x")
    eq((ask("https://long.example/")), -1)
    l:failed(1000)
  end)

  it("sends records that are too long for the chip", function()
    local big = ("x"):rep(2045)
    big = big .. big -- with the headers it is more than 4,096 bytes
    local l = sim.listen("big.example", 443, {tls = {record = 16384}}):respond(big)
    eq((ask("https://big.example/")), -1)
    l:close()
    sim.listen("big.example", 443, {tls = true}):respond("small")
    eq((ask("https://big.example/")), 200)
  end)

  it("does not answer a handshake", function()
    local l = sim.listen("api.example.com", 443, {tls = true}):respond("well")
    local why = {refuse = "the server refuses it", close = "the server closes the connection", reset = "the server resets the connection"}
    for _, how in ipairs{"refuse", "close", "reset"} do
      eq(l:handshake(how), l)
      eq((ask("https://api.example.com/")), -1)
      eq(l:failed(1000), why[how])
    end
    l:handshake()
    local _, body = ask("https://api.example.com/")
    eq(body, "well")
    raises("silent, refuse, close or reset", l.handshake, l, "x")
    raises("there is no TLS at this port", sim.listen(1).failed, sim.listen(2))
  end)

  it("is silent", function()
    local l = sim.listen("api.example.com", 443, {tls = true}):handshake("silent")
    local s = tls.createConnection()
    local got
    for _, e in ipairs{"connection", "reconnection", "disconnection"} do s:on(e, function() got = e end) end
    s:connect(443, "api.example.com")
    sim.advance(5000)
    eq(got, nil)
    s:close()
    eq(l:failed(1000), "the client has closed the connection")
  end)
end)
