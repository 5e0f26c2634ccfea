-- How wet the soil is, by a capacitive probe at the ADC: the wetter, the lower its voltage.
local config = require("config")
local M = {}

-- percent returns 0 (as air) to 100 (as water), or nil where that can't be what a probe
-- says: a cable has come off. Dry soil and no probe must not be taken for each other.
function M.percent()
  local sum = 0
  for _ = 1, 4 do sum = sum + adc.read(0) end
  local read = sum / 4
  if read < config.wet - 100 or read > config.dry + 100 then return nil end
  local p = (config.dry - read) * 100 / (config.dry - config.wet)
  return math.floor(math.max(0, math.min(100, p)) + 0.5)
end

return M
