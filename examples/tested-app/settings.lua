-- What the owner has set, kept in a file: limit, the percentage below which is watered.
local M = {limit = 30}
local FILE, NEW = "settings.json", "settings.new"

local function valid(limit) return type(limit) == "number" and limit >= 0 and limit <= 100 end

-- load reads the file, or the one that was to take its place when the power failed. What
-- is not there, or not as save has written it, leaves what is set as it is.
function M.load()
  local text = file.getcontents(FILE) or file.getcontents(NEW)
  local ok, t = pcall(sjson.decode, text or "")
  if ok and type(t) == "table" and valid(t.limit) then
    M.limit = t.limit
  elseif text then
    print("settings.json is broken, the limit is " .. M.limit)
  end
end

local function write(text)
  if not file.putcontents(NEW, text) or file.getcontents(NEW) ~= text then return false end
  file.remove(FILE)
  return file.rename(NEW, FILE) and file.getcontents(FILE) == text
end

-- save writes a file beside the old one and then takes its place, so that one of the two
-- is whole when the power fails. Behind such a failure the file system may take a page for
-- empty that is not: then the first attempt fails, and the next takes another page. It
-- returns whether that went well.
function M.save(limit)
  if not valid(limit) then return false end
  local text = sjson.encode({limit = limit})
  if not (write(text) or write(text)) then return false end
  M.limit = limit
  return true
end

return M
