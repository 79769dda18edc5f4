-- ARGV: channel, now in ms, the same as text, the attempt. Answers the record after the change, or as it is where it
-- is over or being cancelled.
local record = read()
local status = record[STATUS]
if status ~= 'queued' and status ~= 'processing' then return record end
local sequence = next_sequence(record)
local change = {'st', 'processing', 'seq', sequence, 'made', ARGV[4]}
if not record[STARTED] then
  change[#change + 1] = 'started'
  change[#change + 1] = ARGV[2]
  record[STARTED] = ARGV[2]
end
if record[DUE] then
  change[#change + 1] = 'due'
  change[#change + 1] = ''
  record[DUE] = ''
end
redis.call('HSET', KEYS[1], unpack(change))
announce(record, sequence, 'job.processing', ARGV[3], '"status":"processing"')
record[STATUS], record[SEQUENCE], record[7] = 'processing', sequence, ARGV[4]
return record
