-- lua5.3 wall.lua DIR APP FILE EVERY: tests with the mocks of DIR, whose time is the wall's.
local dir, app, file, every = arg[1], arg[2], arg[3], tonumber(arg[4])
package.path = app .. "/?.lua"

local function sleep(ms) os.execute(("sleep %.3f"):format(ms / 1000)) end

print(assert(loadfile(dir .. "/mocks.lua"))(file, sleep, every))
