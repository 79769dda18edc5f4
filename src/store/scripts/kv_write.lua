-- ARGV from 4: key, quota, due, value, the version expected, `none` or `any`. Answers word, number, what is there.
local refused = refusal()
if refused then return {refused, 0, false} end
purge()
local key, expect = ARGV[4], ARGV[8]
local old = find(key)
if expect ~= 'any' and (old and unpacked(old) or 'none') ~= expect then
  save()
  return {'stale', 0, old}
end
local is_stored, wanted = put(key, ARGV[7], tonumber(ARGV[6]), old, tonumber(ARGV[5]))
save()
if is_stored then return {'stored', version, false} end
return {'quota', wanted, false}
