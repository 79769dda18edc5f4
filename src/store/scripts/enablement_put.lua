-- KEYS: the user's enablements, the addon's users, and for the last write of a job its record. ARGV: addon, expected revision,
-- `<revision> <json>`, `<client>:<user>`, the control channel, the message that makes every process forget what it knew,
-- the component that runs now.
-- At the end what is to be announced (`announce.lua`).
-- Answers 1 where it was stored, 0 and what is there where that has another revision, 2 where the job may not write any more.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
-- The same record again: this very call arrived twice.
if kept == ARGV[3] then return {1, false} end
local revision = kept and string.match(kept, '^%d+') or '0'
if revision ~= ARGV[2] then return {0, kept} end
if KEYS[3] and not seal(KEYS[3]) then return {2, false} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[7])
announce()
redis.call('PUBLISH', ARGV[5], ARGV[6])
return {1, false}
