-- KEYS: the three of a scope. ARGV: the numbers that the caller saw. Removes everything, unless something was written since.
if (redis.call('HGET', KEYS[1], '') or '') ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
return 1
