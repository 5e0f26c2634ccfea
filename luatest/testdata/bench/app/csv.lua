-- Rows of text as lines with commas, and back.
local M = {}

local function quote(s)
  s = tostring(s)
  if s:find('[,"\n]') then s = '"' .. s:gsub('"', '""') .. '"' end
  return s
end

function M.line(row)
  local out = {}
  for i, x in ipairs(row) do out[i] = quote(x) end
  return table.concat(out, ",")
end

function M.row(line)
  local row, at = {}, 1
  while at <= #line + 1 do
    if line:sub(at, at) == '"' then
      local text = ""
      local from = at + 1
      while true do
        local to = line:find('"', from, true)
        if line:sub(to + 1, to + 1) ~= '"' then
          row[#row + 1] = text .. line:sub(from, to - 1)
          at = to + 2
          break
        end
        text, from = text .. line:sub(from, to), to + 2
      end
    else
      local to = line:find(",", at, true) or #line + 1
      row[#row + 1] = line:sub(at, to - 1)
      at = to + 1
    end
  end
  return row
end

return M
