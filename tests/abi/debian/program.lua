-- Strings, tables, coroutines, numbers, files and time, as Lua's own library does them.
local function show(...) print(...) end
show(_VERSION, #arg)
local words = {}
for w in ("the quick brown fox jumps over the lazy dog"):gmatch("%a+") do words[#words + 1] = w end
table.sort(words)
show(table.concat(words, ","))
show(string.format("%5.3f %x %q %-6s|", math.pi, 255, "a\nb", "ab"))
show(string.pack("<i4z", 7, "x"):byte(1, -1))
local function range(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
local sum = 0
for i in range(1000) do sum = sum + i end
show(sum, 7 // 2, 7 % -3, 2 ^ 0.5, 1e308 * 10, math.type(1), math.maxinteger)
local name = "/tmp/abi-lua"
local file = assert(io.open(name, "w"))
for i = 1, 1000 do file:write(i, "\n") end
show(file:seek("cur"), file:close())
local total = 0
for line in io.lines(name) do total = total + tonumber(line) end
show(total)
file = assert(io.open(name, "r+b"))
file:seek("set", 2); file:write("x"); file:seek("set", 0)
show(file:read("L", "n"))
file:close()
show(os.rename(name, name .. "2"), os.remove(name .. "2"), os.remove(name))
show(io.open("/nowhere/file"))
show(pcall(error, { code = 7 }), select(2, pcall(error, "text", 0)))
show(os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365), os.time({ year = 2020, month = 1, day = 1, hour = 12 }) > 0)
show(os.getenv("NOTHING"), os.clock() >= 0)
collectgarbage()
local big = {}
for i = 1, 200000 do big[i] = { i } end
show(#big, collectgarbage("count") > 1000)
