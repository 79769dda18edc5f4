-- ARGV from 4: first key, end, limit. Answers keys, and the last one looked at where there may be more.
local keys = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[4], ARGV[5], 'LIMIT', 0, ARGV[6])
local last = #keys >= tonumber(ARGV[6]) and keys[#keys] or false
if mortal > 0 then
  local alive = {}
  for _, key in ipairs(keys) do
    local due = redis.call('ZSCORE', KEYS[3], key)
    if not due or tonumber(due) > now then alive[#alive + 1] = key end
  end
  keys = alive
end
return {keys, last}
