-- KEYS: the delivery's record, the endpoint's deliveries, those of them that failed. ARGV: id, what the records' keys start
-- with, facts, when in ms, how long records are kept (ms), how many. Answers whether it is new. Twice is once.
if redis.call('HSETNX', KEYS[1], 'facts', ARGV[3]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'st', 'pending', 'round', '0')
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
trim(KEYS[2], KEYS[3], ARGV[2], tonumber(ARGV[6]), ARGV[4] - ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
