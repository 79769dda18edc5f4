-- ARGV: channel, the failed lists' noun, now as text, the sequence number that the caller saw, its terminal event.
-- Answers whether the job waits again, and the record as it is now.
local record = read()
if record[STATUS] ~= 'failed' or record[SEQUENCE] ~= ARGV[4] then return {0, record} end
local code = string.match(record[FAILURE] or '', '^{"code":"([^"]*)"') or ''
-- The record will no longer tell that it failed, so the stream does.
append(ARGV[4], ARGV[5])
local sequence = next_sequence(record)
append(sequence, event(record, sequence, 'job.queued', ARGV[3], '"status":"queued"'))
redis.call('HSET', KEYS[1], 'st', 'queued', 'seq', sequence, 'made', 0, 'progress', 0)
redis.call('HDEL', KEYS[1], 'finished', 'steps', 'result', 'failure', 'due', 'sealed')
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[2])
redis.call('ZREM', ARGV[2] .. ':' .. client(record), dead_letter(record, code))
ring(record, 'jobEvent')
return {1, read()}
