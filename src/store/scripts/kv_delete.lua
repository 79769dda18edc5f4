-- ARGV[4]: key. Answers whether it was done or why not, and 1 where there was a value.
local refused = refusal()
if refused then return {refused, 0} end
purge()
local old = find(ARGV[4])
if old then drop(ARGV[4], old) end
save()
return {'done', old and 1 or 0}
