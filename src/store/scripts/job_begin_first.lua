-- The usual way, without the cost of what the scripts share: nobody touched the job since it was made, nobody watches.
do
  local record = redis.call('HMGET', KEYS[1], 'facts', 'st', 'w')
  if record[1] and not record[2] and not record[3] then
    redis.call('HSET', KEYS[1], 'st', 'processing', 'seq', '2', 'made', ARGV[4], 'started', ARGV[2])
    return {record[1], 'processing', '2', false, ARGV[2], false, ARGV[4]}
  end
end
