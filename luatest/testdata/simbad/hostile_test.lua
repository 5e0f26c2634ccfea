-- Every function of sim with arguments that make no sense.
local junk = {-1, 0, 1, 2.5, 1e300, 0/0, 1/0, "", "x", ("z"):rep(3000), "\0\255", true, false, {}, {[1] = 2}, {port = "x"},
  {path = {}, headers = 1}, {ssid = 5, password = {}}, {kind = {}}, {dir = "\0"}, {loss = "-1"}, print, coroutine.create(function() end), setmetatable({}, {__index = error})}
local calls = 0
local function try(fn, ...)
  calls = calls + 1
  local args, n = {...}, select("#", ...)
  -- Nothing can wait in there.
  pcall(table.sort, {1, 2}, function() fn(unpack(args, 1, n)) return false end)
end
local function all(fn, ...)
  try(fn, ...)
  for _, a in ipairs(junk) do
    try(fn, a)
    if ... then try(fn, ..., a) end
    for i = 1, #junk, 4 do
      if ... then try(fn, ..., a, junk[i], junk[i + 1]) else try(fn, a, junk[i], junk[i + 1]) end
    end
    tmr.wdclr()
  end
end

it("takes anything", function()
  for _, name in ipairs{"ca", "certificate", "connect", "date", "device", "dns", "heal", "http", "link", "listen", "mqtt", "now", "partition", "run_until", "seed", "time_server", "udp"} do
    all(sim[name])
    sim.heal()
  end
  sim.advance(1)
end)
it("takes anything in parts", function()
  for _, part in ipairs{"wifi", "pin", "adc", "serial", "heap", "events"} do
    local names = {}
    for name in pairs(sim[part]) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      if name == "growth" then -- calls print as often as it is told
        try(sim.heap.growth, 1) try(sim.heap.growth, error) try(sim.heap.growth, print, 1e300) try(sim.heap.growth, print, {})
      else
        all(sim[part][name])
      end
    end
    sim.advance(1)
  end
  pcall(sim.heap, {}) pcall(sim.events, 1)
end)
it("takes anything in objects", function()
  sim.wifi.up()
  sim.run_until(function() return wifi.sta.getip() end, 60000)
  local objects = {sim.connect(7), sim.listen(4321), sim.udp(), sim.mqtt{port = 4322}, sim.listen("x.example", 443, {tls = true}), sim.time_server(), sim.pin.watch(1), sim.device{dir = "../sim/other"}}
  for _, o in ipairs(objects) do
    local names = {}
    for name in pairs(getmetatable(o)) do
      if name:sub(1, 2) ~= "__" then names[#names + 1] = name end
    end
    table.sort(names)
    for _, name in ipairs(names) do
      all(o[name], o)
      all(o[name], objects[1])
    end
    sim.advance(1)
  end
  for _, x in ipairs(junk) do
    for _, name in ipairs{"name", "expired", "unknown", "chain", "certificate", "key", "client", "record"} do
      try(sim.listen, 5555, {tls = {[name] = x}}) try(sim.listen, 5555, {tls = {certificate = x, key = x}}) try(sim.mqtt, {tls = {[name] = x}})
    end
  end
  print("calls", calls)
  sim.advance(1000)
end)
