-- What a job's calls used, for the scripts that end an attempt. KEYS from 3 on: a hash for each enablement that was called, a
-- field a day. ARGV from `base` on: today, the oldest day that is kept, then for each of these keys seven numbers: calls,
-- microseconds, peak of memory, requests, their bytes, bytes of key-value operations, credits. The peak is the largest, the
-- others add up.
local PEAK = 3
local function count_usage(base)
  for i = 3, #KEYS do
    local key, day, more = KEYS[i], ARGV[base], ARGV[base + i - 1]
    local before = redis.call('HGET', key, day)
    if before then
      local sum, next_number = {}, string.gmatch(more, '%d+')
      for have in string.gmatch(before, '%d+') do
        local number = tonumber(next_number() or 0)
        if #sum + 1 == PEAK then number = math.max(tonumber(have), number) else number = tonumber(have) + number end
        sum[#sum + 1] = string.format('%.0f', number)
      end
      redis.call('HSET', key, day, table.concat(sum, ' '))
    else
      for _, old in ipairs(redis.call('HKEYS', key)) do
        if old < ARGV[base + 1] then redis.call('HDEL', key, old) end
      end
      redis.call('HSET', key, day, more)
      redis.call('EXPIRE', key, 91 * 86400)
    end
  end
end
