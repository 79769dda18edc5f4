-- KEYS: the owed dispatches, then for each job its record, its client's index and who listens to how its user's jobs end.
-- ARGV: for each job its facts, when it was created in ms, its member of the index, its id where a dispatch is owed or ''.
-- Answers a number for each job: 1 where its record is new, and 2 more where somebody listens. `job.queued` is not written: it is the record itself.
-- Neighbours of one client share one `ZADD`: a crowd of requests costs little more than its records.
local news, list, entries = {}, nil, {}
local function note()
    if list then redis.call('ZADD', list, unpack(entries)) end
    entries = {}
end
for index = 1, (#KEYS - 1) / 3 do
    local first = 4 * index - 3
    news[index] = redis.call('HSETNX', KEYS[3 * index - 1], 'facts', ARGV[first])
    if news[index] == 1 then
        if list ~= KEYS[3 * index] then
            note()
            list = KEYS[3 * index]
        end
        entries[#entries + 1] = ARGV[first + 1]
        entries[#entries + 1] = ARGV[first + 2]
        if ARGV[first + 3] ~= '' then redis.call('ZADD', KEYS[1], ARGV[first + 1], ARGV[first + 3]) end
    end
    news[index] = news[index] + 2 * redis.call('EXISTS', KEYS[3 * index + 1])
end
note()
return news
