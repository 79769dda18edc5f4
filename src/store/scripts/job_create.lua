-- KEYS: five of the turns (`turns.lua`), then for each job its record, its client's index and who listens to how its user's jobs end.
-- ARGV: one of the turns, then for each job its facts, when it was created in ms, its member of the index, its id where a
-- dispatch is owed or '', and `<rank> <whose>` where it takes a turn or ''.
-- Answers a number for each job: 1 where its record is new, 2 more where somebody listens, and four times the number that its turn
-- gave it. `job.queued` is not written: it is the record itself.
-- Neighbours of one client share one `ZADD`: a crowd of requests costs little more than its records.
local news, list, entries = {}, nil, {}
local function note()
    if list then redis.call('ZADD', list, unpack(entries)) end
    entries = {}
end
for index = 1, (#KEYS - 5) / 3 do
    local key, first = 3 * index + 3, 5 * index - 3
    news[index] = redis.call('HSETNX', KEYS[key], 'facts', ARGV[first])
    if news[index] == 1 then
        if list ~= KEYS[key + 1] then
            note()
            list = KEYS[key + 1]
        end
        entries[#entries + 1] = ARGV[first + 1]
        entries[#entries + 1] = ARGV[first + 2]
        if ARGV[first + 3] ~= '' then redis.call('ZADD', KEYS[1], ARGV[first + 1], ARGV[first + 3]) end
    end
    news[index] = news[index] + 2 * redis.call('EXISTS', KEYS[key + 2])
    if ARGV[first + 4] ~= '' then news[index] = news[index] + 4 * take_turn(ARGV[first + 4]) end
end
note()
return news
