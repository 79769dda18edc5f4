-- KEYS: a scope's secrets, the scopes with rows of the key that encrypts, the keys in use, and for a user's own value the
-- user's enablements. ARGV: name, row, scope, key id, addon. Answers 0 where the user has no such enablement (any more).
if KEYS[4] and redis.call('HEXISTS', KEYS[4], ARGV[5]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
redis.call('SADD', KEYS[3], ARGV[4])
return 1
