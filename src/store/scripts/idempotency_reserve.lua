-- KEYS: the reservation. ARGV: fingerprint, a fresh job id, now in ms, end of the lease in ms, seconds to keep it.
local kept = redis.call('HMGET', KEYS[1], 'print', 'job', 'until')
if not kept[2] then
  redis.call('HSET', KEYS[1], 'print', ARGV[1], 'job', ARGV[2], 'until', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  return {'fresh', ARGV[2]}
end
if kept[1] ~= ARGV[1] then return {'mismatch', ''} end
-- The same fresh id: this very call arrived twice.
if kept[2] == ARGV[2] then return {'fresh', ARGV[2]} end
if tonumber(kept[3]) > tonumber(ARGV[3]) then return {'busy', ''} end
return {'replay', kept[2]}
