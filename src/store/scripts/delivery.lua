-- What the scripts of deliveries share.

-- Drops the oldest of a list beyond `most` or older than `since`, and the record of each that the other list does not name.
local function trim(list, other, records, most, since)
  local gone = redis.call('ZRANGEBYSCORE', list, '-inf', '(' .. since)
  local over = redis.call('ZCARD', list) - #gone - most
  if over > 0 then
    for _, id in ipairs(redis.call('ZRANGE', list, #gone, #gone + over - 1)) do gone[#gone + 1] = id end
  end
  for _, id in ipairs(gone) do
    redis.call('ZREM', list, id)
    if not redis.call('ZSCORE', other, id) then redis.call('UNLINK', records .. id) end
  end
end
