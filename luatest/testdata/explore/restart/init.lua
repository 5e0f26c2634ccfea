-- Brings its new version into place, when there is one.
if not file.exists("done") then
  file.putcontents("init.new", file.getcontents("init.lua"))
  file.remove("init.lua")
  file.rename("init.new", "init.lua")
  file.putcontents("done", "")
end
