-- KEYS: the calls of the job; what the client spent in the day and in the month, what its users did in the day and in the month.
-- ARGV: the call, its price, its pictures, the provider, the user, the day, most in the client's day, in its month, in the
-- user's day and in the user's month (or ''), seconds to keep days and months.
-- Answers 0, or which of the four would be exceeded and the sum that it would have come to. Twice is once.
local price = tonumber(ARGV[2])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {0, 0} end
local provider, user = ARGV[4], ARGV[5]
for index, field in ipairs({'sum', 'sum', user, user}) do
  local most = tonumber(ARGV[6 + index])
  if most then
    local sum = (tonumber(redis.call('HGET', KEYS[1 + index], field)) or 0) + price
    if sum > most then return {index, sum} end
  end
end
-- The day stands with the call: it is settled where it was counted.
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', price) .. ' ' .. ARGV[3] .. ' ' .. ARGV[6])
redis.call('HINCRBY', KEYS[2], 'sum', ARGV[2])
redis.call('HINCRBY', KEYS[2], 'p ' .. provider, ARGV[2])
redis.call('HINCRBY', KEYS[2], 'n ' .. provider, ARGV[3])
redis.call('HINCRBY', KEYS[3], 'sum', ARGV[2])
redis.call('HINCRBY', KEYS[4], user, ARGV[2])
redis.call('HINCRBY', KEYS[4], user .. ' p ' .. provider, ARGV[2])
redis.call('HINCRBY', KEYS[4], user .. ' n ' .. provider, ARGV[3])
redis.call('HINCRBY', KEYS[5], user, ARGV[2])
for index = 1, 5 do redis.call('EXPIRE', KEYS[index], ARGV[11]) end
return {0, 0}
