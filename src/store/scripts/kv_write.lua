-- ARGV: now, key, quota, due, value, the version expected, `none` or `any`. Answers word, number, what is there.
purge()
local key, expect = ARGV[2], ARGV[6]
local old = find(key)
if expect ~= 'any' and (old and unpacked(old) or 'none') ~= expect then
  save()
  return {'stale', 0, old}
end
local is_stored = put(key, ARGV[5], tonumber(ARGV[4]), old, tonumber(ARGV[3]))
save()
if is_stored then return {'stored', version, false} end
return {'quota', used, false}
