-- ARGV: channel, the failed lists' noun, now in ms, the outcome's status, its JSON, seconds to keep finished jobs,
-- seconds to keep failed ones, the failure's code or '', then what its calls used (`usage.lua`).
-- Answers whether the outcome was written as asked, and the status that the job has now ('' where it has no record).
-- The terminal event is not written: the record tells it as long as it is finished.
local record = redis.call('HMGET', KEYS[1], 'facts', 'st', 'seq', 'w', 'started')
if not record[FACTS] then return {0, ''} end
local before = record[STATUS] or 'queued'
if is_over(before) then return {0, before} end

local status, payload, keep = ARGV[4], ARGV[5], ARGV[6]
if before == 'cancelling' then status = 'cancelled' end
local sequence = next_sequence(record)
if status == 'completed' then
  redis.call('HSET', KEYS[1], 'st', status, 'seq', sequence, 'finished', ARGV[3], 'result', payload)
else
  if status == 'cancelled' then
    payload = '{"code":"CANCELLED","message":"the job was cancelled on request","retryable":false}'
  end
  redis.call('HSET', KEYS[1], 'st', status, 'seq', sequence, 'finished', ARGV[3], 'failure', payload)
end
if status == 'failed' then
  keep = ARGV[7]
  redis.call('ZADD', ARGV[2] .. ':' .. client(record), ARGV[3], dead_letter(record, ARGV[8]))
end
redis.call('EXPIRE', KEYS[1], keep)
count_usage(9)
-- Without further events there is no stream.
if tonumber(sequence) > (record[STARTED] and 3 or 2) then redis.call('EXPIRE', KEYS[2], keep) end
ring(record, 'jobFinished')
return {status == ARGV[4] and 1 or 0, status}
