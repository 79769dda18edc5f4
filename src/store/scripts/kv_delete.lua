-- ARGV: now, key. Answers whether there was a value.
purge()
local old = find(ARGV[2])
if old then drop(ARGV[2], old) end
save()
return old and 1 or 0
