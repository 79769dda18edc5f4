//! Our own few scripts beside BullMQ's: what its crate does not do, or does with a round trip a job.
//!
//! They touch only what `facts` of BullMQ call public: a job's hash, lock and
//! logs, the set of stalled ids, the stream of events.

use std::sync::LazyLock;

use redis::Script;

/// Fields that [`crate::queue::Producer::retry`] wipes: BullMQ's count of stalls and our own of deferrals.
pub(super) const HISTORY: [&str; 3] = ["stc", DEFERRALS, DEFERRED_SINCE];
/// How often the job asked to be tried later: BullMQ counts only tries.
pub(super) const DEFERRALS: &str = "semantestDeferrals";
/// When it first did, in milliseconds since the epoch.
pub(super) const DEFERRED_SINCE: &str = "semantestDeferredSince";

/// Renews many locks in one call and names the jobs whose lock is not ours any more.
///
/// Keys: the set of stalled ids. Arguments: the queue's key prefix, the lock in milliseconds, then id and token by turns.
pub(super) static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local lost = {}
        for i = 3, #ARGV, 2 do
            local lock = ARGV[1] .. ARGV[i] .. ':lock'
            if redis.call('GET', lock) == ARGV[i + 1] then
                redis.call('PEXPIRE', lock, ARGV[2])
                redis.call('SREM', KEYS[1], ARGV[i])
            else
                lost[#lost + 1] = ARGV[i]
            end
        end
        return lost
        ",
    )
});

/// Notes a failed try where boards look for it; 0 when the lock is not ours any more.
///
/// Keys: the job. Arguments: the token, the reason, and what the try costs: `attempt`, `deferral` (then the time) or `nothing`.
pub(super) static NOTE_FAILURE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('GET', KEYS[1] .. ':lock') ~= ARGV[1] then return 0 end
        local traces = {}
        local stored = redis.call('HGET', KEYS[1], 'stacktrace')
        if stored then
            local is_json, list = pcall(cjson.decode, stored)
            if is_json and type(list) == 'table' then traces = list end
        end
        traces[#traces + 1] = ARGV[2]
        while #traces > 10 do table.remove(traces, 1) end
        redis.call('HSET', KEYS[1], 'failedReason', ARGV[2], 'stacktrace', cjson.encode(traces))
        if ARGV[3] == 'attempt' then
            redis.call('HINCRBY', KEYS[1], 'atm', 1)
        elseif ARGV[3] == 'deferral' then
            redis.call('HINCRBY', KEYS[1], 'semantestDeferrals', 1)
            redis.call('HSETNX', KEYS[1], 'semantestDeferredSince', ARGV[4])
        end
        return 1
        ",
    )
});

/// Tells a job's progress: on its hash and in the queue's stream, as BullMQ does.
///
/// Keys: the job, the stream, the queue's settings. Arguments: the id, the progress as JSON.
pub(super) static TELL_PROGRESS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
        redis.call('HSET', KEYS[1], 'progress', ARGV[2])
        local most = redis.call('HGET', KEYS[3], 'opts.maxLenEvents') or 10000
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', most, '*',
            'event', 'progress', 'jobId', ARGV[1], 'data', ARGV[2])
        return 1
        ",
    )
});

/// Adds a line to a job's log and keeps the newest ones.
///
/// Keys: the job, its log. Arguments: the line, how many lines are kept.
pub(super) static ADD_LOG: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
        local count = redis.call('RPUSH', KEYS[2], ARGV[1])
        if count > tonumber(ARGV[2]) then redis.call('LTRIM', KEYS[2], -ARGV[2], -1) end
        return 1
        ",
    )
});
