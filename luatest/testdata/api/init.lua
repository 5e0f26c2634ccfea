GLOBALS = {}
for k in pairs(_G) do GLOBALS[#GLOBALS + 1] = tostring(k) end
table.sort(GLOBALS)
