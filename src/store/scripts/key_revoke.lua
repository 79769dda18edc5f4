-- KEYS: the key's record. ARGV: channel, now in ms, the message that tells every process.
-- Answers whether there is such a key. Told again where it was revoked before: the first message may have been lost.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSETNX', KEYS[1], 'revoked', ARGV[2])
redis.call('PUBLISH', ARGV[1], ARGV[3])
return 1
