-- KEYS: the user's enablements, the addon's users, the three of the values now, the three of those to go back to. ARGV: addon,
-- expected revision, `<revision> <json>`, `<client>:<user>`, the control channel, the message that makes every process forget
-- what it knew, the component that runs now, how long word of the values that go is kept (ms). At the end what is to be announced
-- (`announce.lua`). Answers 1 where it was done, 0 where the record has another
-- revision, 3 where the values to go back to are gone.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
-- The same record again: this very call arrived twice.
if kept == ARGV[3] then return 1 end
if not kept or string.match(kept, '^%d+') ~= ARGV[2] then return 0 end
if redis.call('EXISTS', KEYS[6]) == 0 then return 3 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[7])
bury(3, ARGV[8])
mark(KEYS[6], '')
for i = 6, 8 do redis.call('PERSIST', KEYS[i]) end
announce()
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
