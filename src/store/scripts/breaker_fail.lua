-- KEYS: an enablement's breakers. ARGV: the hook point, the component, now, the code, how many failures open it, within which
-- window, for how long it opens (ms), the control channel, and what to say there.
-- Counts a failure in a row; answers the breaker as it is now, and whether others have to hear of it.
local function within(failures, from)
  local kept = {}
  for _, at in ipairs(failures) do
    if at > from then kept[#kept + 1] = at end
  end
  return kept
end

local text = redis.call('HGET', KEYS[1], ARGV[1])
local was = text and cjson.decode(text)
-- What another version did says nothing about this one.
if was and was.digest ~= ARGV[2] then was = nil end
local now, most, window, pause = tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local failures = within(was and was.failures or {}, now - window)
failures[#failures + 1] = now
while #failures > most do table.remove(failures, 1) end
local is = {digest = ARGV[2], failures = failures, code = ARGV[4]}
if was and was.openUntil and was.openUntil > now then
  -- A call that began before it opened, or a second one beside it.
  is.openUntil = was.openUntil
elseif (was and was.openUntil) or #failures >= most then
  is.openUntil = now + pause
end
text = cjson.encode(is)
redis.call('HSET', KEYS[1], ARGV[1], text)
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), window + pause))
local is_news = not was or was.openUntil ~= is.openUntil
if is_news then redis.call('PUBLISH', ARGV[8], ARGV[9]) end
return {text, is_news and 1 or 0}
