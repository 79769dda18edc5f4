-- ARGV: channel. Answers whether it is too late (`job_seal.lua`), and the record after the change, or as it is where it is over.
local record = read()
if not record[FACTS] or is_over(record[STATUS]) then return {0, record} end
if redis.call('HEXISTS', KEYS[1], 'sealed') == 1 then return {1, record} end
redis.call('HSET', KEYS[1], 'st', 'cancelling')
local id = string.match(record[FACTS], '^"kind":"[^"]*","jobId":"([^"]*)"')
local lane = string.match(record[FACTS], '\n"client":"[^"]*","lane":"([^"]*)"')
redis.call('PUBLISH', ARGV[1], '{"type":"cancelJob","lane":"' .. lane .. '","id":"' .. id .. '"}')
record[STATUS] = 'cancelling'
return {0, record}
