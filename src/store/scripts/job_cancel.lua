-- ARGV: channel. Answers the record after the change, or as it is where it is over.
local record = read()
if not record[FACTS] or is_over(record[STATUS]) then return record end
redis.call('HSET', KEYS[1], 'st', 'cancelling')
local id = string.match(record[FACTS], '^"kind":"[^"]*","jobId":"([^"]*)"')
local lane = string.match(record[FACTS], '\n"client":"[^"]*","lane":"([^"]*)"')
redis.call('PUBLISH', ARGV[1], '{"type":"cancelJob","lane":"' .. lane .. '","id":"' .. id .. '"}')
record[STATUS] = 'cancelling'
return record
