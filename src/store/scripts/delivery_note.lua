-- KEYS: the delivery's record, the endpoint's deliveries, those of them that failed, the endpoint's health. ARGV: id, what the
-- records' keys start with, now in ms, how long records are kept (ms), how many, the round, the status, when the next attempt
-- is due in ms or '', the attempt's name or '' where nothing was sent, the attempt, the most attempts of one record,
-- whether it arrived ('1', '0' or '' where that says nothing about the endpoint).
-- Answers since when in ms nothing has arrived at the endpoint, 0 where the last attempt did. Twice is once.
local now = ARGV[3]
if ARGV[12] == '1' then
  redis.call('HDEL', KEYS[4], 'since', 'failures')
  redis.call('HSET', KEYS[4], 'delivered', now)
elseif ARGV[12] == '0' then
  redis.call('HSETNX', KEYS[4], 'since', now)
  redis.call('HINCRBY', KEYS[4], 'failures', 1)
end
local round = redis.call('HGET', KEYS[1], 'round')
-- A replay is written down after its ticket was left, and must not undo what came of that.
local is_asked = ARGV[7] == 'pending' and ARGV[9] == ''
if round and tonumber(round) <= tonumber(ARGV[6]) - (is_asked and 1 or 0) then
  redis.call('HSET', KEYS[1], 'st', ARGV[7], 'round', ARGV[6], 'next', ARGV[8])
  if ARGV[9] ~= '' then
    redis.call('HSET', KEYS[1], ARGV[9], ARGV[10])
    local names = {}
    for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
      if string.sub(name, 1, 1) == '#' then names[#names + 1] = name end
    end
    table.sort(names)
    for i = 1, #names - tonumber(ARGV[11]) do redis.call('HDEL', KEYS[1], names[i]) end
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  if ARGV[7] == 'failed' then
    redis.call('ZADD', KEYS[3], now, ARGV[1])
    trim(KEYS[3], KEYS[2], ARGV[2], tonumber(ARGV[5]), now - ARGV[4])
    redis.call('PEXPIRE', KEYS[3], ARGV[4])
  else
    redis.call('ZREM', KEYS[3], ARGV[1])
  end
end
return tonumber(redis.call('HGET', KEYS[4], 'since') or 0)
