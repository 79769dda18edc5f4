-- A job's last write and its point of no return are one step: once sealed it can no longer be cancelled. False where the job
-- (by its record's key) may not write any more: somebody cancelled it, or it is over.
local function seal(job)
  if redis.call('HGET', job, 'st') ~= 'processing' then return false end
  redis.call('HSET', job, 'sealed', 1)
  return true
end
