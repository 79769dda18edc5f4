-- KEYS: the starts of one enablement that wait, scored by when they were let in; the last start under each of its dedupe
-- texts. ARGV: the start, what the keys of job records begin with, now in ms, for how long in ms a start is believed
-- without a record (it is written after this), how many may wait, the dedupe text or '', seconds to keep all this.
-- Answers {1, ''} where the start may go on, {2, id} where the one with this id waits under the same text, and {0, count}
-- where too many wait. Twice is once.
local function waits(id, since)
  local record = redis.call('HMGET', ARGV[2] .. id, 'facts', 'st')
  if not record[1] then return since and tonumber(ARGV[3]) - tonumber(since) < tonumber(ARGV[4]) end
  return not record[2] or record[2] == 'queued'
end

-- A try after the one that left it: it is there, and is only to be left again.
if redis.call('EXISTS', ARGV[2] .. ARGV[1]) == 1 then return {1, ''} end
if ARGV[6] ~= '' then
  local last = redis.call('HGET', KEYS[2], ARGV[6])
  if last and last ~= ARGV[1] and waits(last, redis.call('ZSCORE', KEYS[1], last)) then return {2, last} end
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[5]) then
    local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      if not waits(all[i], all[i + 1]) then redis.call('ZREM', KEYS[1], all[i]) end
    end
    local left = redis.call('ZCARD', KEYS[1])
    if left >= tonumber(ARGV[5]) then return {0, string.format('%d', left)} end
  end
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[2], ARGV[6], ARGV[1]) end
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[7])
return {1, ''}
