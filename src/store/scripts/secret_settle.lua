-- KEYS: a scope's secrets, the scopes with rows of a key, the keys in use. ARGV: the key's id, scope.
-- Drops the scope where no row of it is encrypted with the key any more, and the key where no scope is left.
for _, row in ipairs(redis.call('HVALS', KEYS[1])) do
  if string.sub(row, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then return 0 end
end
redis.call('SREM', KEYS[2], ARGV[2])
if redis.call('SCARD', KEYS[2]) == 0 then redis.call('SREM', KEYS[3], ARGV[1]) end
return 1
