-- KEYS: the credits of one user, addon and day: a field a start, and `sum`. ARGV: the start, its credits, how many are
-- allowed, seconds to keep it. Answers whether the start is paid, and the sum with it. Twice is once.
local sum = tonumber(redis.call('HGET', KEYS[1], 'sum')) or 0
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {1, sum} end
local wanted = sum + tonumber(ARGV[2])
if wanted > tonumber(ARGV[3]) then return {0, wanted} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], 'sum', string.format('%d', wanted))
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {1, wanted}
