-- KEYS: the addon's versions, all addons, the mark of bytes that are being removed, and for the last write of a job its record.
-- ARGV: version, record, addon. Answers a word, and the record that was there, if any.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept then return {'there', kept} end
if redis.call('EXISTS', KEYS[3]) == 1 then return {'doomed', false} end
if KEYS[4] and not seal(KEYS[4]) then return {'stopped', false} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[3])
return {'stored', false}
