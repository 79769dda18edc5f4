-- KEYS: the blocks, the number of changes. ARGV: id, record, whether one that is there stays ('1'), the control channel, and what is to be announced
-- (`announce.lua`).
-- Answers whether it was stored. Twice is once: the same record again counts no change.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and (ARGV[3] == '1' or kept == ARGV[2]) then return kept == ARGV[2] and 1 or 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
announce()
local generation = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', ARGV[4], cjson.encode({ type = 'blocksChanged', generation = generation }))
return 1
