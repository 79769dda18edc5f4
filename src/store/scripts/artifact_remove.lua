-- KEYS: record, expiry, sharers of its bytes. ARGV: the artifact. Answers how many artifacts still share the bytes.
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
return redis.call('SCARD', KEYS[3])
