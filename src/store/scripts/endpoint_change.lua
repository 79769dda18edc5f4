-- KEYS: the client's endpoints, the endpoint's health. ARGV: id, the record that the caller read, the one that it wants,
-- '1' where its health is to be forgotten, the control channel, the message. Answers whether it was stored. Twice is once.
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now == ARGV[3] then return 1 end
if now ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] == '1' then redis.call('HDEL', KEYS[2], 'since', 'failures') end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
