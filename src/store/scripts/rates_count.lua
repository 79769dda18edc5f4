-- KEYS: counters. ARGV: the limit a minute of each.
local limits, standings = {}, {}
for index = 1, #ARGV do limits[index] = tonumber(ARGV[index]) end
count_on(KEYS, limits, standings)
return standings
