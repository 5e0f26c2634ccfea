local rows = {}
for i = 1, 300 do
  rows[i] = ("row %d of many"):format(i)
end
return rows
