-- What the key-value scripts share. KEYS: values, keys in order, keys by the time they are due, and where the caller is an
-- enablement its user's enablements. ARGV: now in ms, the caller's addon and subject ('' where it is no enablement).
local now = tonumber(ARGV[1])
local used, version, mortal, owner = 0, 0, 0, ''
do
  local numbers = redis.call('HGET', KEYS[1], '')
  if numbers then
    local a, b, c, d = string.match(numbers, '^(%d+) (%d+) (%d+) ?(%S*)$')
    used, version, mortal, owner = tonumber(a), tonumber(b), tonumber(c), d
  end
end

-- A packed value's version, due time and bytes.
local function unpacked(packed)
  local stamp, due, start = string.match(packed, '^(%d+) (%d+) ()')
  return stamp, tonumber(due), string.sub(packed, start)
end

local function int(number)
  return string.format('%d', number)
end

-- Writes the scope's numbers back, also where nothing is left: a value made again never gets an old version.
local is_changed = false
local function save()
  if is_changed then
    local mark = owner ~= '' and ' ' .. owner or ''
    redis.call('HSET', KEYS[1], '', int(used) .. ' ' .. int(version) .. ' ' .. int(mortal) .. mark)
  end
end

-- Whether the caller's enablement was erased: then it writes nothing any more, whoever has the scope now. An erase removes
-- the record and the scope in one step, so the record is asked only before the first write; the scope remembers the answer.
-- A scope that many share outlives its users: a subject with `!` in front is asked about each time and never remembered.
local function is_erased()
  local subject, is_one_of_many = ARGV[3], string.sub(ARGV[3], 1, 1) == '!'
  if is_one_of_many then subject = string.sub(subject, 2) end
  if subject == '' or (subject == owner and not is_one_of_many) then return false end
  local record = redis.call('HGET', KEYS[4], ARGV[2])
  if not record or cjson.decode(string.match(record, '{.*$')).subject ~= subject then return true end
  if not is_one_of_many then owner, is_changed = subject, true end
  return false
end

-- Why the caller may not write, or false. A mark that starts with `!` closes the scope: for good where its values went over
-- to another version of the addon, or until the time behind it, while they are being carried over.
local function refusal()
  if string.sub(owner, 1, 1) == '!' then
    local till = tonumber(string.sub(owner, 2))
    if not till then return 'moved' end
    if till > now then return 'closed' end
    owner, is_changed = '', true
  end
  return is_erased() and 'erased'
end

local function drop(key, packed)
  local _, due, value = unpacked(packed)
  redis.call('HDEL', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
  if due > 0 then
    redis.call('ZREM', KEYS[3], key)
    mortal = mortal - 1
  end
  used = used - #key - #value
  is_changed = true
end

-- Drops what is due, at most 64 at a time, so that no call takes long.
local function purge()
  if mortal <= 0 then return end
  local gone = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 64)
  for _, key in ipairs(gone) do
    local packed = redis.call('HGET', KEYS[1], key)
    if packed then drop(key, packed) else redis.call('ZREM', KEYS[3], key) end
  end
end

-- The packed value under a key, unless it is due.
local function find(key)
  local packed = redis.call('HGET', KEYS[1], key)
  if not packed then return false end
  local _, due = unpacked(packed)
  if due > 0 and due <= now then
    drop(key, packed)
    return false
  end
  return packed
end

-- Puts a value in the place of `old` (packed, or false); where the quota has no room for it, false and the bytes that would
-- be in use.
local function put(key, value, due, old, quota)
  local old_size, old_due = 0, 0
  if old then
    local _, was_due, was = unpacked(old)
    old_size, old_due = #key + #was, was_due
  end
  local size = used - old_size + #key + #value
  if size > quota and size > used then return false, size end
  used, version, is_changed = size, version + 1, true
  redis.call('HSET', KEYS[1], key, int(version) .. ' ' .. int(due) .. ' ' .. value)
  if not old then redis.call('ZADD', KEYS[2], 0, key) end
  if due > 0 then
    redis.call('ZADD', KEYS[3], due, key)
    if old_due == 0 then mortal = mortal + 1 end
  elseif old_due > 0 then
    redis.call('ZREM', KEYS[3], key)
    mortal = mortal - 1
  end
  return true
end
