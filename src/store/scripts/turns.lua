-- Whose turn it is: users who wait in one lane are served round by round, one job each, however many jobs each of them has.
-- KEYS: the owed dispatches, the turns, then of the lane's queue what waits by number, what waits for its time and what runs.
-- ARGV[1]: what the keys of the lane's jobs start with.
-- A job's number, by which BullMQ sorts, is `3 * (round + lead) + rank + 1`: high, normal and low ones (ranks 0 to 2) have
-- their own leads, so that a high one is as if it had been asked for many rounds earlier, and yet none waits for ever. Numbers
-- below those of the first lead are a stranger's and say nothing about rounds.
-- The turns are a sorted set: `` the round that is being served, `<rank> <whose>` the first round that is free for them.
local TURNS, WAITING, DELAYED, RUNNING = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local LEADS, STEP, MOST = {4, 104, 1104}, 0x100000000, 2097151
-- At this round everything that waits moves down, long before BullMQ's numbers end.
local REBASE = 250000

-- Moves everything down by `by` rounds. Rare: once in so many rounds without a moment in which nothing was to be done.
local function rebase(by)
  local lower = function(number)
    if number < 3 * LEADS[1] then return number end
    return math.max(3 * LEADS[1], number - 3 * by)
  end
  local lower_job = function(id)
    local number = tonumber(redis.call('HGET', ARGV[1] .. id, 'priority') or 0)
    if number > 0 then redis.call('HSET', ARGV[1] .. id, 'priority', lower(number)) end
  end
  local waiting = redis.call('ZRANGE', WAITING, 0, -1, 'WITHSCORES')
  for index = 1, #waiting, 2 do
    local score = tonumber(waiting[index + 1])
    local number = math.floor(score / STEP)
    redis.call('ZADD', WAITING, lower(number) * STEP + score % STEP, waiting[index])
    lower_job(waiting[index])
  end
  for _, id in ipairs(redis.call('ZRANGE', DELAYED, 0, -1)) do lower_job(id) end
  for _, id in ipairs(redis.call('LRANGE', RUNNING, 0, -1)) do lower_job(id) end
  local turns = redis.call('ZRANGE', TURNS, 0, -1, 'WITHSCORES')
  for index = 1, #turns, 2 do
    redis.call('ZADD', TURNS, math.max(0, tonumber(turns[index + 1]) - by), turns[index])
  end
end

-- The round that is being served. Where nobody waits it is the last one that was given out: what was served before gives
-- nobody a lead.
local function current_round()
  local round = tonumber(redis.call('ZSCORE', TURNS, '') or 0)
  local first = redis.call('ZRANGEBYSCORE', WAITING, (3 * (round + LEADS[1])) * STEP, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local seen
  if first[2] then
    local number = math.floor(tonumber(first[2]) / STEP)
    local rank = (number - 1) % 3
    seen = (number - 1 - rank) / 3 - LEADS[rank + 1]
  elseif redis.call('EXISTS', WAITING, DELAYED, RUNNING) == 0 then
    redis.call('DEL', TURNS)
    return 0
  else
    seen = tonumber(redis.call('ZRANGE', TURNS, -1, -1, 'WITHSCORES')[2] or 0)
  end
  if seen > round then
    round = seen
    redis.call('ZADD', TURNS, round, '')
    redis.call('ZREMRANGEBYSCORE', TURNS, '-inf', '(' .. string.format('%d', round))
  end
  if round > REBASE then
    rebase(round)
    round = 0
  end
  return round
end

local round
-- The number of the next job of `<rank> <whose>`.
local function take_turn(who)
  round = round or current_round()
  local mine = math.max(round, tonumber(redis.call('ZSCORE', TURNS, who) or 0))
  redis.call('ZADD', TURNS, mine + 1, who)
  local rank = tonumber(string.sub(who, 1, 1))
  return math.min(MOST - 2 + rank, 3 * (mine + LEADS[rank + 1]) + rank + 1)
end
