-- A lamp with a button, a web server and MQTT.
local lamp = require("lamp")
require("button").watch(3, lamp.toggle)
require("web").listen(80)
