-- What is to be announced of a change is owed from the same step on. The last three arguments of the script: the announcements
-- that are owed, now in ms, and the announcement or ''.
local function announce()
  if ARGV[#ARGV] ~= '' then redis.call('ZADD', ARGV[#ARGV - 2], ARGV[#ARGV - 1], ARGV[#ARGV]) end
end
