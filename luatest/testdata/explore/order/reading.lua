-- Takes it for sure that its task runs before the timer, which was armed first.
local M = {}

function M.take(done)
  local value
  tmr.create():alarm(2, tmr.ALARM_SINGLE, function() done(value) end)
  node.task.post(node.task.LOW_PRIORITY, function() value = adc.read(0) end)
end

return M
