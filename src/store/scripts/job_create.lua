-- KEYS: record, stream, the client's index, the owed dispatches.
-- ARGV: channel, facts, created in ms, the index's member, the id where a dispatch is owed or ''.
-- `job.queued` is not written: it is the record itself.
if redis.call('HSETNX', KEYS[1], 'facts', ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[4])
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[4], ARGV[3], ARGV[5]) end
return 1
