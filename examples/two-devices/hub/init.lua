-- Makes itself known as hub.local, and prints what sensors report.
local function serve()
  wifi.eventmon.unregister(wifi.eventmon.STA_GOT_IP)
  mdns.register("hub", {service = "readings", port = 9000})
  net.createServer(30):listen(9000, function(c)
    local _, ip = c:getpeer()
    c:on("receive", function(c, data)
      print(ip .. ": " .. data)
      c:send("ok")
    end)
    c:on("disconnection", function(_, code) print(ip .. ": gone, " .. code) end)
  end)
  print("hub ready")
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, serve)
