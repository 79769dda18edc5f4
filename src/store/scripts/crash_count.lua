-- KEYS: the crashes of a component for one user, and for all. ARGV: the user, the call, now, the window (both ms).
-- Answers how many there are within the window for the user, for all, and for how many users. Twice is once.
local from = '(' .. (tonumber(ARGV[3]) - tonumber(ARGV[4]))
for i = 1, 2 do
  redis.call('ZADD', KEYS[i], ARGV[3], ARGV[2] .. ' ' .. ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', from)
  redis.call('PEXPIRE', KEYS[i], ARGV[4])
end
local seen, users = {}, 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local user = string.match(member, ' (.*)$')
  if not seen[user] then seen[user], users = true, users + 1 end
end
return {redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), users}
