-- Asks the server which version it has, and takes that if it is another one than this. The
-- server's file "version" is a line: the version, and length and SHA-1 of the image.
local fetch, version = require("fetch"), require("version")
local IMAGE, PART = "lfs.img", "lfs.part"

local busy = false
local function over(...)
  busy = false
  print("update:", ...)
end

-- What is wrong with a file that has come.
local function wrong(length, sha1)
  local has = file.stat(PART).size
  if has ~= length then return ("%d bytes instead of %d"):format(has, length) end
  if crypto and encoder.toHex(crypto.fhash("sha1", PART)) ~= sha1 then return "another SHA-1" end
end

-- IMAGE is always a whole one: the next boot needs it if power goes while flash is written.
local function load(new, length, sha1)
  local part, stored = file.open(PART, "w+"), true
  if not part then return over("no room") end
  fetch("lfs.img", function(data) stored = stored and part:write(data) end, function(problem)
    part:close()
    problem = problem or not stored and "no room" or wrong(length, sha1)
    if problem then
      file.remove(PART)
      return over(problem)
    end
    print("update:", "to version " .. new)
    file.remove(IMAGE)
    file.rename(PART, IMAGE)
    over(node.LFS.reload(IMAGE)) -- which returns only if it can't
  end)
end

return function()
  if busy then return end
  busy = true
  local line = ""
  fetch("version", function(data) line = (line .. data):sub(1, 100) end, function(problem)
    local new, length, sha1 = line:match("^(%d+) (%d+) (%x+)")
    if problem or not new then
      over(problem or "no version")
    elseif tonumber(new) == version then
      busy = false
    else
      load(new, tonumber(length), sha1)
    end
  end)
end
