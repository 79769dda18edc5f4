-- ARGV: channel, the failed lists' noun, now in ms, the same as text, the outcome's status, its JSON, 1 where that is
-- small enough for an event, seconds to keep finished jobs, seconds to keep failed ones, the failure's code or ''.
-- Answers whether the outcome was written as asked, and the status that the job has now ('' where it has no record).
local record = read()
if not record[FACTS] then return {0, ''} end
if is_over(record[STATUS]) then return {0, record[STATUS]} end

local status, payload, keep, is_small = ARGV[5], ARGV[6], ARGV[8], ARGV[7] == '1'
if record[STATUS] == 'cancelling' then status = 'cancelled' end
if status == 'cancelled' then
  payload, is_small = '{"code":"CANCELLED","message":"the job was cancelled on request","retryable":false}', true
end
local sequence = next_sequence(record)
local change = {'st', status, 'seq', sequence, 'finished', ARGV[3], 'due', ''}
local more = '"status":"' .. status .. '"'
if status == 'completed' then
  change[9], change[10], change[11], change[12], change[13], change[14] = 'result', payload, 'failure', '', 'progress', 100
  if is_small then more = more .. ',"progress":100,"result":' .. payload end
else
  change[9], change[10] = 'failure', payload
  if is_small then more = more .. ',"error":' .. payload end
end
redis.call('HSET', KEYS[1], unpack(change))
announce(record, sequence, 'job.' .. status, ARGV[4], more)
if status == 'failed' then
  keep = ARGV[9]
  redis.call('ZADD', ARGV[2] .. ':' .. client(record), ARGV[3], dead_letter(record, ARGV[10]))
end
redis.call('EXPIRE', KEYS[1], keep)
redis.call('EXPIRE', KEYS[2], keep)
return {status == ARGV[5] and 1 or 0, status}
