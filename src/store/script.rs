//! Our Lua scripts, one per atomic change. Redis knows each by the hash of its text; it is sent once, when Redis asks.

use std::sync::LazyLock;

use redis::Script;

/// A script made of one or more files.
macro_rules! script {
    ($(#[$doc:meta])* $name:ident, $($file:literal),+) => {
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!(concat!("scripts/", $file))),+)));
    };
}

script!(
    /// Writes a new job's record and its place in the client's list.
    JOB_CREATE,
    "rates.lua",
    "turns.lua",
    "job_create.lua"
);
script!(
    /// Counts what a call of a provider will cost, unless somebody would spend too much.
    SPEND_HOLD,
    "spend_hold.lua"
);
script!(
    /// Corrects it to what the call did cost.
    SPEND_SETTLE,
    "spend_settle.lua"
);
script!(
    /// Gives one job a turn.
    TURN_TAKE,
    "turns.lua",
    "turn_take.lua"
);
script!(
    /// Counts a request.
    RATES_COUNT,
    "rates.lua",
    "rates_count.lua"
);
script!(
    /// Marks a job as being worked on.
    JOB_BEGIN,
    "job_begin_first.lua",
    "job.lua",
    "job_begin.lua"
);
script!(
    /// Writes how a job ended.
    JOB_FINISH,
    "usage.lua",
    "job_finish_first.lua",
    "job.lua",
    "job_finish.lua"
);
script!(
    /// Puts a job back to waiting.
    JOB_RELEASE,
    "usage.lua",
    "job.lua",
    "job_release.lua"
);
script!(
    /// Writes how far a job got.
    JOB_PROGRESS,
    "job.lua",
    "job_progress.lua"
);
script!(
    /// Marks a job as being cancelled.
    JOB_CANCEL,
    "job.lua",
    "job_cancel.lua"
);
script!(
    /// Makes a failed job wait again.
    JOB_RETRY,
    "job.lua",
    "job_retry.lua"
);
script!(
    /// Reads a job, and makes its events ring from now on.
    JOB_WATCH,
    "job.lua",
    "job_watch.lua"
);
script!(
    /// Makes a key stop working and tells every process.
    KEY_REVOKE,
    "key_revoke.lua"
);
script!(
    /// Puts a new key in the place of an old one.
    KEY_ROTATE,
    "key_rotate.lua"
);
script!(
    /// Stores what is known of a client and tells every process.
    CLIENT_PUT,
    "client_put.lua"
);
script!(
    /// Keeps the first request under an idempotency key.
    IDEMPOTENCY_RESERVE,
    "idempotency_reserve.lua"
);
script!(
    /// Stores an addon's version unless it exists.
    VERSION_PUT,
    "job_seal.lua",
    "version_put.lua"
);
script!(
    /// Replaces one field of a hash if it still is what the caller read.
    FIELD_REPLACE,
    "field_replace.lua"
);
script!(
    /// Removes one field of a hash if it still is what the caller read.
    FIELD_REMOVE,
    "field_remove.lua"
);
script!(
    /// Stores the policy if its revision still is what the caller read.
    POLICY_PUT,
    "policy_put.lua"
);
script!(
    /// Stores an enablement if its revision still is what the caller read.
    ENABLEMENT_PUT,
    "job_seal.lua",
    "announce.lua",
    "enablement_put.lua"
);
script!(
    /// Removes an enablement and what its addon kept, if its revision still is what the caller read.
    ENABLEMENT_ERASE,
    "job_seal.lua",
    "announce.lua",
    "enablement_erase.lua"
);
script!(
    /// Stores an enablement that goes over to a copy of its values, if neither was changed since.
    ENABLEMENT_SWITCH,
    "job_seal.lua",
    "kv_marks.lua",
    "announce.lua",
    "enablement_switch.lua"
);
script!(
    /// Stores an enablement that goes back to the values of the version before.
    ENABLEMENT_ROLL_BACK,
    "kv_marks.lua",
    "announce.lua",
    "enablement_roll_back.lua"
);
script!(
    /// Copies everything of a scope.
    KV_COPY,
    "kv_marks.lua",
    "kv_copy.lua"
);
script!(
    /// Throws a copy away.
    KV_DISCARD,
    "kv_marks.lua",
    "kv_discard.lua"
);
script!(
    /// Stores a block, unless one that is there is to stay.
    BLOCK_PUT,
    "announce.lua",
    "block_put.lua"
);
script!(
    /// Takes a block away.
    BLOCK_REMOVE,
    "block_remove.lua"
);
script!(
    /// Counts a crash.
    CRASH_COUNT,
    "crash_count.lua"
);
script!(
    /// Takes an addon's credits for one start.
    CREDITS_CHARGE,
    "credits_charge.lua"
);
script!(
    /// Gives them back.
    CREDITS_REFUND,
    "credits_refund.lua"
);
script!(
    /// Lets an addon's start in, unless it has too many that wait or the same one waits already.
    START_ADMIT,
    "start_admit.lua"
);
script!(
    /// Counts a failure of a hook.
    BREAKER_FAIL,
    "breaker_fail.lua"
);
script!(
    /// Asks whether a hook that was left alone may be tried.
    BREAKER_TRY,
    "breaker_try.lua"
);
script!(
    /// Forgets the failures of a hook that works.
    BREAKER_CLOSE,
    "breaker_close.lua"
);
script!(
    /// Removes an artifact's record and says whether others share its bytes.
    ARTIFACT_REMOVE,
    "artifact_remove.lua"
);
script!(
    /// Stores a value, perhaps only where another one is there.
    KV_WRITE,
    "kv.lua",
    "kv_write.lua"
);
script!(
    /// Adds to a number.
    KV_INCREMENT,
    "kv.lua",
    "kv_increment.lua"
);
script!(
    /// Removes a value.
    KV_DELETE,
    "kv.lua",
    "kv_delete.lua"
);
script!(
    /// Removes a whole scope, unless it was written since.
    KV_REMOVE,
    "kv_remove.lua"
);
script!(
    /// Removes every value of a user, and keeps the scope.
    KV_ERASE,
    "kv_erase.lua"
);
script!(
    /// Lists keys.
    KV_LIST,
    "kv.lua",
    "kv_list.lua"
);
script!(
    /// Stores a webhook endpoint, while the client has fewer than it may.
    ENDPOINT_CREATE,
    "endpoint_create.lua"
);
script!(
    /// Replaces a webhook endpoint that still is what the caller read.
    ENDPOINT_CHANGE,
    "endpoint_change.lua"
);
script!(
    /// Removes a webhook endpoint with everything that was delivered to it.
    ENDPOINT_REMOVE,
    "endpoint_remove.lua"
);
script!(
    /// Writes down that an event goes to an endpoint.
    DELIVERY_OPEN,
    "delivery.lua",
    "delivery_open.lua"
);
script!(
    /// Writes down what came of an attempt.
    DELIVERY_NOTE,
    "delivery.lua",
    "delivery_note.lua"
);
script!(
    /// Stores a secret, a user's own only beside an enablement.
    SECRET_PUT,
    "secret_put.lua"
);
script!(
    /// Replaces a secret's row by the same one under another key.
    SECRET_REWRAP,
    "secret_rewrap.lua"
);
script!(
    /// Drops a scope from those that a key is needed for.
    SECRET_SETTLE,
    "secret_settle.lua"
);
script!(
    /// Forgets that an enablement waits for secrets.
    WAITER_GONE,
    "waiter_gone.lua"
);
