-- KEYS: an enablement's breakers. ARGV: the hook point, whether the call that worked was the trial (1 or 0), the control
-- channel, and what to say there. Answers whether it was closed; an open one is closed by its trial alone.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text or (ARGV[2] == '0' and cjson.decode(text).openUntil) then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
