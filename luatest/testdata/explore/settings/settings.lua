-- The new settings are written beside the old ones, but there is a moment without any.
local M = {}

function M.save(value)
  file.putcontents("settings.new", value)
  file.remove("settings")
  file.rename("settings.new", "settings")
end

function M.load()
  return file.getcontents("settings")
end

return M
