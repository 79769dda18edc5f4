-- The usual way, without the cost of what the scripts share: it worked, and nobody watches.
if ARGV[4] == 'completed' then
  local record = redis.call('HMGET', KEYS[1], 'st', 'seq', 'w')
  if record[1] == 'processing' and not record[3] then
    local sequence = string.format('%d', tonumber(record[2]) + 1)
    redis.call('HSET', KEYS[1], 'st', 'completed', 'seq', sequence, 'finished', ARGV[3], 'result', ARGV[5])
    redis.call('EXPIRE', KEYS[1], ARGV[6])
    if sequence ~= '3' then redis.call('EXPIRE', KEYS[2], ARGV[6]) end
    count_usage(9)
    return {1, 'completed'}
  end
end
