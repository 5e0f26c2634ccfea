-- Tries again, each time after twice as long.
local M = {}

-- run calls try until it returns true, ms after a first failure, and never more than most later.
function M.run(try, ms, most)
  local tried, wait, step = 0, ms, nil
  function step()
    tried = tried + 1
    if try(tried) then return end
    tmr.create():alarm(wait, tmr.ALARM_SINGLE, step)
    wait = math.min(2 * wait, most)
  end
  step()
end

return M
