-- What the scripts that move whole scopes share. A scope's mark, the last of its numbers, is the subject that wrote last, or
-- says that nobody writes any more: `!` for good, `!<ms>` until then (`kv.lua`).

-- The numbers without the mark: two that are equal mean that nothing was written or removed in between.
local function numbers(values)
  return string.match(redis.call('HGET', values, '') or '', '^%d+ %d+ %d+') or '0 0 0'
end

local function mark(values, text)
  redis.call('HSET', values, '', numbers(values) .. (text ~= '' and ' ' .. text or ''))
end

-- Leaves nothing of a scope but word that it is closed, for calls that still know it.
local function bury(first, life)
  redis.call('UNLINK', KEYS[first], KEYS[first + 1], KEYS[first + 2])
  mark(KEYS[first], '!')
  redis.call('PEXPIRE', KEYS[first], life)
end
