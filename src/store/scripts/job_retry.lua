-- ARGV: channel, the failed lists' noun, now as text. Answers whether the job waits again, and the record as it is now.
local record = read()
if record[STATUS] ~= 'failed' then return {0, record} end
local code = string.match(record[FAILURE] or '', '^{"code":"([^"]*)"') or ''
local sequence = next_sequence(record)
redis.call('HSET', KEYS[1], 'st', 'queued', 'seq', sequence, 'made', 0, 'progress', 0)
redis.call('HDEL', KEYS[1], 'started', 'finished', 'steps', 'result', 'failure', 'due')
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[2])
redis.call('ZREM', ARGV[2] .. ':' .. client(record), dead_letter(record, code))
announce(record, sequence, 'job.queued', ARGV[3], '"status":"queued"')
return {1, read()}
