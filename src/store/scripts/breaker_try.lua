-- KEYS: an enablement's breakers. ARGV: the hook point, the component, now, how long a trial may take (ms).
-- Answers 0 where it is closed, 1 where this is the trial, 2 where it is not, and until when that holds.
local text = redis.call('HGET', KEYS[1], ARGV[1])
local is = text and cjson.decode(text)
if not is or is.digest ~= ARGV[2] or not is.openUntil then return {0, 0} end
local now = tonumber(ARGV[3])
if is.openUntil > now then return {2, is.openUntil} end
if is.trialUntil and is.trialUntil > now then return {2, is.trialUntil} end
is.trialUntil = now + tonumber(ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(is))
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[4])))
return {1, is.trialUntil}
