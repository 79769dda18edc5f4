-- ARGV: channel, now as text, per cent, steps as JSON.
local record = read()
if record[STATUS] ~= 'processing' then return 0 end
if record[PROGRESS] == ARGV[3] then
  redis.call('HSET', KEYS[1], 'steps', ARGV[4])
  return 1
end
local sequence = next_sequence(record)
redis.call('HSET', KEYS[1], 'seq', sequence, 'progress', ARGV[3], 'steps', ARGV[4])
append(sequence, event(record, sequence, 'job.progress', ARGV[2], '"status":"processing","progress":' .. ARGV[3]))
ring(record, 'jobEvent')
return 1
