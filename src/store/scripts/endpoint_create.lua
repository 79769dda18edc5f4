-- KEYS: the client's endpoints. ARGV: id, record, the most that a client may have, the control channel, the message.
-- Answers whether it was stored: not where the client has as many as it may. Twice is once.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 1 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
