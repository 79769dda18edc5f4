-- KEYS: the user's enablements, the addon's users, the job's record, those of the addon's values and of the user's secrets. ARGV: addon, expected
-- revision, `<client>:<user>`, the control channel, the message that makes every process forget what it knew.
-- Record and values go in one step, which is what the values' scripts rely on (`kv.lua`).
-- At the end what is to be announced (`announce.lua`).
-- Answers 1 where nothing is left, 0 where the record has another revision, 2 where the job may not write any more.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
-- Gone already: this very call arrived twice.
if not kept then return 1 end
if string.match(kept, '^%d+') ~= ARGV[2] then return 0 end
if not seal(KEYS[3]) then return 2 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[3])
for i = 4, #KEYS do redis.call('UNLINK', KEYS[i]) end
announce()
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
