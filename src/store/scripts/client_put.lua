-- KEYS: the clients' records, the set of all clients. ARGV: client, the record that the caller read ('' for none), the record that it
-- wants, the control channel, the message that makes every process forget the client. Twice is once.
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now ~= ARGV[3] then
    if (now or '') ~= ARGV[2] then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    redis.call('SADD', KEYS[2], ARGV[1])
end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
