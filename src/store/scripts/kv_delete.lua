-- ARGV[4]: key. Answers 1 where there was a value, 0 where not, -1 where the caller was erased.
if is_erased() then return -1 end
purge()
local old = find(ARGV[4])
if old then drop(ARGV[4], old) end
save()
return old and 1 or 0
