-- The generic cell rate algorithm. A counter is the time, in µs, at which it is whole again; what is not there is whole.
-- Redis' own clock counts, so that servers whose clocks differ share one limit.
-- A request is counted on all of its counters or on none. Each gives four numbers: its limit, what is left, in how many ms it is
-- whole again, and after how many ms the request fits (0: it does).
local counted_at
local function count_on(keys, limits, standings)
    if not counted_at then
        local time = redis.call('TIME')
        counted_at = time[1] * 1000000 + time[2]
    end
    local now, window, ends, fits = counted_at, 60000000, {}, true
    for index = 1, #keys do
        ends[index] = math.max(tonumber(redis.call('GET', keys[index]) or '0'), now)
        if ends[index] + window / limits[index] > now + window then fits = false end
    end
    for index = 1, #keys do
        local step, last, wait = window / limits[index], ends[index], 0
        if fits then
            last = last + step
            redis.call('SET', keys[index], string.format('%.0f', last), 'PX', math.ceil((last - now) / 1000))
        else
            wait = math.max(0, math.ceil((last + step - now - window) / 1000))
        end
        standings[#standings + 1] = limits[index]
        standings[#standings + 1] = math.max(0, math.floor((window - (last - now)) / step + 0.000001))
        standings[#standings + 1] = math.ceil((last - now) / 1000)
        standings[#standings + 1] = wait
    end
    return fits
end
