-- KEYS: the user's enablements, the addon's users, the job's record, the three of the values so far, the three of their copy,
-- and where there is one the three of an older copy that nobody can go back to any more. ARGV: addon, expected revision,
-- `<revision> <json>`, `<client>:<user>`, the control channel, the message that makes every process forget what it knew, the
-- component that runs now, the numbers when the copy was made, how long the values so far are kept, and how long word of a scope that is gone (both in ms).
-- Record and values change hands in one step. At the end what is to be announced
-- (`announce.lua`). Answers 1 where they did, 0 where the record has another revision, 2 where the
-- job may not write any more, 3 where the values changed since they were copied.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
-- The same record again: this very call arrived twice.
if kept == ARGV[3] then return 1 end
if not kept or string.match(kept, '^%d+') ~= ARGV[2] then return 0 end
if numbers(KEYS[4]) ~= ARGV[8] or redis.call('EXISTS', KEYS[7]) == 0 then return 3 end
if not seal(KEYS[3]) then return 2 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[7])
mark(KEYS[4], '!')
for i = 4, 6 do redis.call('PEXPIRE', KEYS[i], ARGV[9]) end
for i = 7, 9 do redis.call('PERSIST', KEYS[i]) end
if KEYS[10] then bury(10, ARGV[10]) end
announce()
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
