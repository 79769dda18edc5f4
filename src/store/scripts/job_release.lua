-- ARGV: channel, when the next attempt is due in ms or 0, why the last one failed as JSON or '', then what its calls used
-- (`usage.lua`).
local record = read()
if record[STATUS] ~= 'processing' then return 0 end
local due = ARGV[2] == '0' and '' or ARGV[2]
redis.call('HSET', KEYS[1], 'st', 'queued', 'due', due, 'failure', ARGV[3])
count_usage(4)
return 1
