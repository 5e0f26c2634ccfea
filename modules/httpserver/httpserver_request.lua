-- httpserver_request: the part of httpserver that parses. The function takes the
-- line of exchange x's request that begins in s at pos. It returns a status when that
-- is wrong, or nil and what the program is to hear: a header's name and value.

return function(M, x, s, pos)
  local want, name, from, after = x.want
  if want == 2 or want == 3 then
    name, from, after = s:match("^([%w!#$%%&'*+.^_`|~-]+):[ \t]*()[^%z\1-\8\10-\31\127]-()[ \t]*\r?\n", pos)
  end
  if name then
    name = name:lower()
    -- Mostly nobody wants to know the value.
    local value = (x.req.onheader or name == "content-length" or name == "transfer-encoding") and s:sub(from, after - 1)
    if name == "content-length" then
      local len = value:match("^%d+$") and tonumber(value)
      if not len or x.len and x.len ~= len then return 400 end
      x.len = len
    elseif name == "transfer-encoding" then
      if value:lower() ~= "chunked" then return 501 end
      if x.len or x.old then return 400 end
      x.len = true
    elseif name == "expect" then
      x.expect = not x.old
    elseif name == "host" then
      if want > 2 then return 400 end
      x.want = 3
    end
    return nil, name, value
  elseif s:find("^\r?\n", pos) then
    if want == 4 then
      return 400
    elseif want > 4 then
      x.want = want == 5 and 4 or nil
    elseif want > 1 then
      local len = x.len or 0
      if len == true then
        x.len = 0
        x.want = 4
      elseif len > M.max_body then
        return 413
      else
        x.want = len > 0 and not (x.expect and x.finish) and 7 or nil
        x.left = len
      end
    end
  elseif want == 1 then
    local method, url, minor = s:match("^([%w_-]+) ([^%c ]+) HTTP/1%.(%d)\r?\n", pos)
    if not method then return 400 end
    x.want = 2
    if minor == "0" then x.old = true end
    x.req = {method = method, url = url}
  elseif want == 4 then
    local size, next = s:match("^(%x+)[ \t]*\r?([;\n])", pos)
    if not size or #size > 7 then return 400 end
    size = tonumber(size, 16)
    x.len = x.len + size
    if x.len > M.max_body then return 413 end
    if size > 0 then
      x.want = 8
      x.left = size
    else
      x.want = 6
      x.left = M.max_head
    end
  elseif want < 6 then
    return 400
  end
end
