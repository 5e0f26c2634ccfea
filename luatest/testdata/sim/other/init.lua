print("other is up")
net.createServer(30):listen(9, function(s) s:send("from the other\n") end)
