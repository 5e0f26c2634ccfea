-- A lamp that is switched by a timer and by callbacks: what tests are about.
local M = {on = false, log = {}}
function M.switch(on) M.on = on M.log[#M.log + 1] = on end
function M.blink(ms, done)
  tmr.create():alarm(ms, tmr.ALARM_SINGLE, function() M.switch(true) done(M.on, "blinked") end)
end
function M.pin() return gpio.read(4) end
function M.signal() return wifi.sta.getrssi() end
function M.safely(fn) return pcall(fn) end
function M.explode() error({code = 7}) end
return M
