-- KEYS: a scope's secrets, the scopes with rows of the new key, the keys in use. ARGV: name, the row that the caller read, the
-- row that it wants, scope, the new key's id. Answers 0 where somebody was quicker.
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now == ARGV[3] then return 1 end
if now ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
redis.call('SADD', KEYS[3], ARGV[5])
return 1
