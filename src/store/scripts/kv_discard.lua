-- KEYS: the three of a copy, the three of its scope. ARGV: life of what is left of the copy in ms, until when the scope was
-- closed for the copy (ms, 0: it was not). A copy that was taken after all has no end any more, and is left alone.
if redis.call('PTTL', KEYS[1]) > 0 then bury(1, ARGV[1]) end
local said = string.match(redis.call('HGET', KEYS[4], '') or '', ' (!%d+)$')
if said == '!' .. ARGV[2] then mark(KEYS[4], '') end
return 1
