-- KEYS: the owed dispatches, then for each job its record and its client's index.
-- ARGV: for each job its facts, when it was created in ms, its member of the index, its id where a dispatch is owed or ''.
-- Answers 1 or 0 for each job: whether its record is new. `job.queued` is not written: it is the record itself.
-- Neighbours of one client share one `ZADD`: a crowd of requests costs little more than its records.
local news, list, entries = {}, nil, {}
local function note()
    if list then redis.call('ZADD', list, unpack(entries)) end
    entries = {}
end
for index = 1, (#KEYS - 1) / 2 do
    local first = 4 * index - 3
    news[index] = redis.call('HSETNX', KEYS[2 * index], 'facts', ARGV[first])
    if news[index] == 1 then
        if list ~= KEYS[2 * index + 1] then
            note()
            list = KEYS[2 * index + 1]
        end
        entries[#entries + 1] = ARGV[first + 1]
        entries[#entries + 1] = ARGV[first + 2]
        if ARGV[first + 3] ~= '' then redis.call('ZADD', KEYS[1], ARGV[first + 1], ARGV[first + 3]) end
    end
end
note()
return news
