-- KEYS: the client's endpoints, the endpoint's health, its deliveries, those of them that failed. ARGV: id, what the keys of
-- deliveries start with, the control channel, the message. Answers whether there was one.
local is_there = redis.call('HDEL', KEYS[1], ARGV[1])
for i = 3, 4 do
  for _, delivery in ipairs(redis.call('ZRANGE', KEYS[i], 0, -1)) do redis.call('UNLINK', ARGV[2] .. delivery) end
end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return is_there
