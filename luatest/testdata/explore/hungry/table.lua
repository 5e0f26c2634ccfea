local rows = {}
for i = 1, 100 do
  rows[i] = ("row %d of many"):format(i)
end
return rows
