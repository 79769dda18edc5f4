-- KEYS: marker, meta, id counter, prioritized, wait, active, events, priority counter.
-- ARGV: the key prefix of jobs, the time in ms, arguments a job, then each job's id, name, data, options as JSON, priority.
local call = redis.call
local each = tonumber(ARGV[3])
local count = (#ARGV - 3) / each
local meta = call('HMGET', KEYS[2], 'paused', 'concurrency', 'opts.maxLenEvents')
local most = meta[3]
if not most then
    most = 10000
    call('HSET', KEYS[2], 'opts.maxLenEvents', most)
end
local is_held = meta[1] or (meta[2] and call('LLEN', KEYS[6]) >= tonumber(meta[2]))
call('INCRBY', KEYS[3], count)
local turn = tonumber(call('GET', KEYS[8]) or 0)

local keys = {}
for index = 1, count do keys[index] = ARGV[1] .. ARGV[4 + (index - 1) * each] end
-- Hardly ever is one of them there already, so one question usually answers for all.
local is_any_known = call('EXISTS', unpack(keys)) > 0
local waiting, prioritized, seen = {}, {}, {}
for index = 1, count do
    local first = 4 + (index - 1) * each
    local id, key = ARGV[first], keys[index]
    if seen[key] or (is_any_known and call('EXISTS', key) == 1) then
        call('XADD', KEYS[7], 'MAXLEN', '~', most, '*', 'event', 'duplicated', 'jobId', id)
    else
        local name, priority = ARGV[first + 1], tonumber(ARGV[first + 4])
        call('HSET', key, 'name', name, 'data', ARGV[first + 2], 'opts', ARGV[first + 3],
            'timestamp', ARGV[2], 'delay', 0, 'priority', priority)
        call('XADD', KEYS[7], '*', 'event', 'added', 'jobId', id, 'name', name)
        seen[key] = true
        if priority > 0 then
            turn = turn + 1
            prioritized[#prioritized + 1] = priority * 0x100000000 + turn % 0x100000000
            prioritized[#prioritized + 1] = id
        else
            waiting[#waiting + 1] = id
        end
        call('XADD', KEYS[7], 'MAXLEN', '~', most, '*', 'event', 'waiting', 'jobId', id)
    end
end
if #prioritized > 0 then
    call('ZADD', KEYS[4], unpack(prioritized))
    call('INCRBY', KEYS[8], #prioritized / 2)
end
if #waiting > 0 then call('LPUSH', KEYS[5], unpack(waiting)) end
if (#prioritized > 0 or #waiting > 0) and not is_held then call('ZADD', KEYS[1], 0, '0') end
return count
