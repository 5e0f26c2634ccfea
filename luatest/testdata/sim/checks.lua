-- What the tests of sim check with.
local function eq(a, b)
  if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end
end
local function raises(text, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("no error", 2) end
  if not tostring(err):find(text, 1, true) then error("the error is " .. tostring(err), 2) end
end
return eq, raises
