-- KEYS: five of the turns (`turns.lua`), then for each job its record, its client's index and who listens to how its user's jobs end; at
-- last the counters of the jobs that count on some.
-- ARGV: one of the turns, how many jobs; for each its facts, when it was created in ms, its member of the index, its id where a dispatch
-- is owed or '', how many counters it has, and `<rank> <whose>` where it takes a turn or ''; at last the limits of the counters.
-- Answers a number for each job: 1 where its record is new, 2 more where somebody listens, 4 where a counter refused it and nothing was
-- written, and eight times the number that its turn gave it; and the standings of all counters (`rates.lua`). `job.queued` is not
-- written: it is the record itself.
-- Neighbours of one client share one `ZADD`: a crowd of requests costs little more than its records.
local news, standings, list, entries = {}, {}, nil, {}
local count = tonumber(ARGV[2])
local next_counter = 0
local function note()
    if list then redis.call('ZADD', list, unpack(entries)) end
    entries = {}
end
local function is_let_in(counters)
    local keys, limits = {}, {}
    for index = 1, counters do
        next_counter = next_counter + 1
        keys[index] = KEYS[3 * count + 5 + next_counter]
        limits[index] = tonumber(ARGV[6 * count + 2 + next_counter])
    end
    return count_on(keys, limits, standings)
end
for index = 1, count do
    local key, first = 3 * index + 3, 6 * index - 3
    local counters = tonumber(ARGV[first + 4])
    -- A record that is there was let in before: this very call arrived twice.
    if counters > 0 and not is_let_in(counters) and redis.call('EXISTS', KEYS[key]) == 0 then
        news[index] = 4
    else
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
        if ARGV[first + 5] ~= '' then news[index] = news[index] + 8 * take_turn(ARGV[first + 5]) end
    end
end
note()
return {news, standings}
