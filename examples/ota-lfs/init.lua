-- Runs what is in flash. If power went while an update was written, the firmware takes what
-- lies there for nothing, and the image comes out of its file once more.
local init = node.LFS.get("_init")
if init then
  init()
  require("main")
elseif file.exists("lfs.img") then
  print(node.LFS.reload("lfs.img")) -- which returns only if it can't
else
  print("nothing in flash, and no lfs.img")
end
