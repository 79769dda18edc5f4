-- KEYS: the three of a scope, the three of its copy. ARGV: life of the copy in ms, until when the scope is closed (ms, 0: it
-- stays open). Answers the numbers of what was copied.
local state = numbers(KEYS[1])
for i = 1, 3 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('COPY', KEYS[i], KEYS[i + 3], 'REPLACE')
  else
    redis.call('DEL', KEYS[i + 3])
  end
end
mark(KEYS[4], '')
for i = 4, 6 do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
if ARGV[2] ~= '0' then mark(KEYS[1], '!' .. ARGV[2]) end
return state
