-- KEYS: the blocks, the number of changes. ARGV: id, the control channel. Answers the record that is gone, if there was one.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept then return false end
redis.call('HDEL', KEYS[1], ARGV[1])
local generation = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', ARGV[2], cjson.encode({ type = 'blocksChanged', generation = generation }))
return kept
