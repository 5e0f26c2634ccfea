-- httpserver_request: the part of httpserver that parses. The function takes the lines
-- of exchange x's request that begin in s at pos, but no more than up to one that the
-- program is to hear of. It returns a status when something is wrong, or nil, where it
-- has come to, and what the program is to hear: a header's name and value.

return function(M, x, s, pos)
  local want, name, value
  repeat
    local line, at, stop = x.line or "", pos, s:find("\n", pos, true)
    pos = (stop or #s) + 1
    x.left = x.left - pos + at
    if x.left < 0 or pos - at + #line > M.max_line then return x.req and 431 or 414 end
    if line ~= "" or not stop then -- not all of it is in this packet
      s = line .. s:sub(at, stop)
      at = 1
      x.line = nil
      if not stop then
        x.line = s
        break
      end
    end
    want, name = x.want
    if want == 2 or want == 3 then
      name = s:match("^([%w!#$%%&'*+.^_`|~-]+):[^%z\1-\8\10-\31\127]*\r?\n", at)
    end
    if name then
      at = at + #name
      name = name:lower()
      -- Mostly nobody wants to know the value, but of two with long names.
      value = (x.req.onheader or #name > 13) and s:match("^:[ \t]*(.-)[ \t]*\r?\n", at)
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
    elseif want ~= 4 and s:find("^\r?\n", at) then
      if want > 4 then
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
      local method, url, minor = s:match("^([%w_-]+) ([^%c ]+) HTTP/1%.(%d)\r?\n", at)
      if not method then return 400 end
      x.want = 2
      if minor == "0" then x.old = true end
      x.req = {method = method, url = url}
    elseif want == 4 then
      local size = s:match("^(%x+)[ \t]*\r?[;\n]", at)
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
  until not name or line ~= "" or x.req.onheader or pos > #s
  return nil, pos, name, value
end
