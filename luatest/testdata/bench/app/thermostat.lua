-- Heats below low and until high is reached; what it reads is the mean of the last four.
local M = {}

function M.new(low, high, read, heat)
  local last, on, mean = {}, false, nil
  local t = tmr.create()
  t:alarm(250, tmr.ALARM_AUTO, function()
    last[#last + 1] = read()
    if #last > 4 then table.remove(last, 1) end
    local sum = 0
    for _, x in ipairs(last) do sum = sum + x end
    mean = sum / #last
    local now = on
    if mean < low then now = true elseif mean >= high then now = false end
    if now ~= on then
      on = now
      heat(on)
    end
  end)
  return {
    state = function() return ("%.1f %s"):format(mean, on and "on" or "off") end,
    stop = function() t:unregister() end,
  }
end

return M
