-- ARGV: channel, now in ms, the same as text, the attempt. Answers the record after the change, or as it is where it
-- is over or being cancelled. The first `job.processing` is not written: the record tells it by `started`.
local record = read()
local status = record[STATUS]
if status ~= 'queued' and status ~= 'processing' then return record end
local sequence = next_sequence(record)
if record[STARTED] or sequence ~= '2' then
  append(sequence, event(record, sequence, 'job.processing', ARGV[3], '"status":"processing"'))
  record[STARTED] = record[STARTED] or ARGV[2]
  redis.call('HSET', KEYS[1], 'st', 'processing', 'seq', sequence, 'made', ARGV[4], 'started', record[STARTED],
    'due', '', 'failure', '')
else
  record[STARTED] = ARGV[2]
  redis.call('HSET', KEYS[1], 'st', 'processing', 'seq', sequence, 'made', ARGV[4], 'started', ARGV[2])
end
ring(record, 'jobEvent')
record[STATUS], record[SEQUENCE], record[MADE], record[DUE], record[FAILURE] = 'processing', sequence, ARGV[4], '', ''
return record
