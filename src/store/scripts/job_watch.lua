-- Answers the record; from now on its events also ring the control channel.
local record = read()
if record[FACTS] and not is_over(record[STATUS]) then redis.call('HSET', KEYS[1], 'w', 1) end
return record
