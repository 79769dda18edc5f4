//! Our Lua scripts, one per atomic change. Redis knows each by the hash of its text; it is sent once, when Redis asks.

use std::sync::LazyLock;

use redis::Script;

/// A script over a job: the shared part, then its own.
macro_rules! job_script {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("scripts/job.lua"), include_str!(concat!("scripts/", $file)))));
    };
}

macro_rules! script {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file))));
    };
}

job_script!(
    /// Writes a new job's record, its first event and its place in the client's list.
    JOB_CREATE,
    "job_create.lua"
);
job_script!(
    /// Marks a job as being worked on.
    JOB_BEGIN,
    "job_begin.lua"
);
job_script!(
    /// Writes how a job ended.
    JOB_FINISH,
    "job_finish.lua"
);
job_script!(
    /// Puts a job back to waiting.
    JOB_RELEASE,
    "job_release.lua"
);
job_script!(
    /// Writes how far a job got.
    JOB_PROGRESS,
    "job_progress.lua"
);
job_script!(
    /// Marks a job as being cancelled.
    JOB_CANCEL,
    "job_cancel.lua"
);
job_script!(
    /// Makes a failed job wait again.
    JOB_RETRY,
    "job_retry.lua"
);
job_script!(
    /// Reads a job, and makes its events ring from now on.
    JOB_WATCH,
    "job_watch.lua"
);
script!(
    /// Keeps the first request under an idempotency key.
    IDEMPOTENCY_RESERVE,
    "idempotency_reserve.lua"
);
script!(
    /// Stores an addon's version unless it exists.
    VERSION_PUT,
    "version_put.lua"
);
script!(
    /// Replaces one field of a hash if it still is what the caller read.
    FIELD_REPLACE,
    "field_replace.lua"
);
script!(
    /// Stores an enablement if its revision still is what the caller read.
    ENABLEMENT_PUT,
    "enablement_put.lua"
);
script!(
    /// Removes an artifact's record and says whether others share its bytes.
    ARTIFACT_REMOVE,
    "artifact_remove.lua"
);
