-- host.internal is the computer on which nodemcu-sim runs.
return {host = "host.internal", port = 1883, user = "lamp", password = "secret"}
