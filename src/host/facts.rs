//! What a guest may know about the job that caused its call.

/// Facts about the job that caused a call; the guest gets them as the contract's `call` record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFacts {
    /// The job's id, stable across attempts.
    pub job_id: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// Same for every attempt of one logical request.
    pub idempotency_key: String,
    /// The user's pseudonym for this addon.
    pub subject: String,
    /// The enablement's opaque id.
    pub enablement: String,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// BCP 47 tag.
    pub locale: Option<String>,
}
