-- KEYS: the policy. ARGV: the revision that the caller read (0: none), "<revision> <json>" that it wants, channel, message.
-- Twice is once.
local now = redis.call('GET', KEYS[1])
if now == ARGV[2] then return 1 end
local revision = now and string.match(now, '^(%d+) ') or '0'
if revision ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
