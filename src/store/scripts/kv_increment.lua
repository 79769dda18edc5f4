-- ARGV from 4: key, quota, due, delta. Answers a word and a number as text.
local refused = refusal()
if refused then return {refused, ''} end
purge()
local key, due = ARGV[4], tonumber(ARGV[6])
local old = find(key)
local value = '0'
if old then
  local _, was_due, was = unpacked(old)
  value = was
  if due == 0 then due = was_due end
end
if not string.match(value, '^%-?%d+$') or #value > 20 then
  save()
  return {'number', ''}
end
local sum = tonumber(value) + tonumber(ARGV[7])
local EXACT = 9007199254740991
if math.abs(tonumber(value)) <= EXACT and math.abs(tonumber(ARGV[7])) <= EXACT and math.abs(sum) <= EXACT then
  sum = int(sum)
else
  -- Lua's numbers are too coarse here; Redis itself counts in 64 bits.
  local scratch = string.char(255)
  redis.call('HSET', KEYS[1], scratch, value)
  local answer = redis.pcall('HINCRBY', KEYS[1], scratch, ARGV[7])
  sum = redis.call('HGET', KEYS[1], scratch)
  redis.call('HDEL', KEYS[1], scratch)
  if type(answer) == 'table' and answer.err then
    save()
    return {'number', ''}
  end
end
local is_stored, wanted = put(key, sum, due, old, tonumber(ARGV[5]))
save()
if is_stored then return {'stored', sum} end
return {'quota', int(wanted)}
