-- KEYS: the credits of one user, addon and day. ARGV: the start. Answers whether there was something to give back. Twice is once.
local paid = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
if not paid then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[1], 'sum', string.format('%d', -paid))
return 1
