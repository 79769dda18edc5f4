-- KEYS: a hash. ARGV: field, the value that the caller read. Twice is once.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
