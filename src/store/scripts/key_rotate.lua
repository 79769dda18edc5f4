-- KEYS: the old key's record, the new key's record, the client's keys. ARGV: the new record, its hash, its id, when the old one ends in
-- ms, now in ms, the control channel, the message that makes every process forget the old one.
-- Answers 1 where it is done, 0 where there is no old key, 2 where it does not work any more, 3 where it was rotated before.
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
local old = redis.call('HMGET', KEYS[1], 'record', 'revoked', 'ends', 'next')
if not old[1] then return 0 end
if old[4] then return 3 end
if old[2] or (old[3] and tonumber(old[3]) <= tonumber(ARGV[5])) then return 2 end
redis.call('HSET', KEYS[1], 'next', ARGV[3])
if not old[3] or tonumber(old[3]) > tonumber(ARGV[4]) then redis.call('HSET', KEYS[1], 'ends', ARGV[4]) end
redis.call('HSET', KEYS[2], 'record', ARGV[1], 'hash', ARGV[2])
redis.call('SADD', KEYS[3], ARGV[3])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1
