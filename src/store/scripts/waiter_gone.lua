-- KEYS: an addon's waiters, the addons with waiters. ARGV: waiter, addon.
redis.call('SREM', KEYS[1], ARGV[1])
if redis.call('SCARD', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end
return 1
