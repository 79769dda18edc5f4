-- KEYS: the user's enablements, the three of the values now, then the three of each older copy. ARGV: addon, the record's revision, now in ms.
-- Leaves no value and no name of one. The numbers stay, so that a value made again never gets an old version, and the mark, so that
-- a call that runs goes on; an older copy stays closed, empty, for as long as it would have been kept.
-- Answers 1 where nothing is left, 0 where the record has another revision, 2 where the values are being carried over.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept or string.match(kept, '^%d+') ~= ARGV[2] then return 0 end
local till = tonumber(string.match(redis.call('HGET', KEYS[2], '') or '', ' !(%d+)$') or '0')
if till > tonumber(ARGV[3]) then return 2 end
for first = 2, #KEYS, 3 do
    local numbers = redis.call('HGET', KEYS[first], '')
    local life = redis.call('PTTL', KEYS[first])
    redis.call('UNLINK', KEYS[first], KEYS[first + 1], KEYS[first + 2])
    if numbers then
        local version, mark = string.match(numbers, '^%d+ (%d+) %d+(.*)$')
        redis.call('HSET', KEYS[first], '', '0 ' .. version .. ' 0' .. mark)
        if life > 0 then redis.call('PEXPIRE', KEYS[first], life) end
    end
end
return 1
