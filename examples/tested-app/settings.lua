-- What the owner has set, kept in a file: limit, the percentage below which is watered.
local M = {limit = 30}
local FILE = "settings.json"

local function valid(limit) return type(limit) == "number" and limit >= 0 and limit <= 100 end

-- load reads the file. One that is not there, or is not what save has written, leaves what
-- is set as it is.
function M.load()
  local text = file.getcontents(FILE)
  local ok, t = pcall(sjson.decode, text or "")
  if ok and type(t) == "table" and valid(t.limit) then
    M.limit = t.limit
  elseif text then
    print("settings.json is broken, the limit is " .. M.limit)
  end
end

-- save writes a file beside the old one and then takes its place, so that one of the two
-- is whole when the power fails. It returns whether that went well.
function M.save(limit)
  if not valid(limit) then return false end
  if not file.putcontents("settings.new", sjson.encode({limit = limit})) then return false end
  file.remove(FILE)
  if not file.rename("settings.new", FILE) then return false end
  M.limit = limit
  return true
end

return M
