-- KEYS: the calls of the job; what the client spent in the day and in the month, what its users did in the day and in the month.
-- ARGV: the call, what it really cost, its pictures, the provider, the user. Answers whether the call was held. Twice is once.
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then return 0 end
local price, pictures, day = string.match(held, '^(%d+) (%d+) (.*)$')
local more = string.format('%d', tonumber(ARGV[2]) - tonumber(price))
local others = string.format('%d', tonumber(ARGV[3]) - tonumber(pictures))
local provider, user = ARGV[4], ARGV[5]
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. day)
redis.call('HINCRBY', KEYS[2], 'sum', more)
redis.call('HINCRBY', KEYS[2], 'p ' .. provider, more)
redis.call('HINCRBY', KEYS[2], 'n ' .. provider, others)
redis.call('HINCRBY', KEYS[3], 'sum', more)
redis.call('HINCRBY', KEYS[4], user, more)
redis.call('HINCRBY', KEYS[4], user .. ' p ' .. provider, more)
redis.call('HINCRBY', KEYS[4], user .. ' n ' .. provider, others)
redis.call('HINCRBY', KEYS[5], user, more)
return 1
