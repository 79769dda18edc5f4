-- What the job scripts share. KEYS[1] is the job's record, KEYS[2] its stream, ARGV[1] the control channel.
-- The record's `facts` are two halves of one JSON object without braces, a line feed between them: what every event
-- repeats, and the rest, which starts with the client and the lane.
local FACTS, STATUS, SEQUENCE, WATCHED, STARTED, FINISHED, MADE, PROGRESS, RESULT, FAILURE, DUE = 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12

local function read()
  local record = redis.call('HMGET', KEYS[1], 'facts', 'st', 'seq', 'w', 'started', 'finished', 'made', 'progress', 'steps',
    'result', 'failure', 'due')
  if record[FACTS] and not record[STATUS] then record[STATUS] = 'queued' end
  return record
end

local function is_over(status)
  return status == 'completed' or status == 'failed' or status == 'cancelled'
end

local function next_sequence(record)
  return string.format('%d', (tonumber(record[SEQUENCE]) or 1) + 1)
end

-- Tells those who wait for the job, if anybody does.
local function ring(record, message)
  if record[WATCHED] then
    local id = string.match(record[FACTS], '^"kind":"[^"]*","jobId":"([^"]*)"')
    redis.call('PUBLISH', ARGV[1], '{"type":"' .. message .. '","id":"' .. id .. '"}')
  end
end

-- An event's JSON; `more` is JSON members.
local function event(record, sequence, type, time, more)
  local said = string.match(record[FACTS], '^[^\n]*')
  return '{"type":"' .. type .. '","timestamp":"' .. time .. '","data":{' .. said .. ',' .. more .. ',"sequence":' .. sequence .. '}}'
end

-- Appends an event that the record itself cannot tell. Its stream id is its sequence number.
local function append(sequence, text)
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, sequence .. '-0', 'd', text)
end

local function client(record)
  return string.match(record[FACTS], '\n"client":"([^"]*)"')
end

-- How the client's list of dead letters names the job: `<id> <kind> <user> <code>`.
local function dead_letter(record, code)
  local kind, id = string.match(record[FACTS], '^"kind":"([^"]*)","jobId":"([^"]*)"')
  local user = string.match(record[FACTS], '^"kind":"[^"]*","jobId":"[^"]*","userId":"([^"]*)"') or ''
  return id .. ' ' .. kind .. ' ' .. user .. ' ' .. code
end
