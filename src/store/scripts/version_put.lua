-- KEYS: the addon's versions, all addons. ARGV: version, record, addon. Answers the record that was there, if any.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept then return kept end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[3])
return false
