-- host.internal is the computer on which nodemcu-sim runs. period is in seconds.
return {host = "host.internal", port = 8080, period = 60}
