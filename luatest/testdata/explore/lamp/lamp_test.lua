it("is off after two switches", function()
  local u = sim.udp()
  for number = 1, 2 do
    for _ = 1, 3 do
      u:send(tostring(number), 4711)
      sim.advance(20)
    end
  end
  sim.advance(1000)
  assert.is_false(_G.lamp)
end)
