-- KEYS: record, stream, the client's index, the owed dispatches.
-- ARGV: channel, facts, created in ms, the same as text, the index's member, the id where a dispatch is owed or ''.
if redis.call('HSETNX', KEYS[1], 'facts', ARGV[2]) == 0 then return 0 end
announce({ARGV[2]}, '1', 'job.queued', ARGV[4], '"status":"queued"')
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[5])
if ARGV[6] ~= '' then redis.call('ZADD', KEYS[4], ARGV[3], ARGV[6]) end
return 1
