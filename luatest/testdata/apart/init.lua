boots = tonumber(file.getcontents("boots") or "0") + 1
file.putcontents("boots", tostring(boots))
