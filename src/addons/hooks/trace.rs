//! What a job shows of the hooks that it went through: who did what, in how long. Names and numbers, never what a user or an
//! addon wrote: the texts are in the job's log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::code::JobCode;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::manifest::HookPoint;

/// Most lines that are kept, beside those of hooks that ended the job.
const MAX_LINES: usize = 64;

/// What became of one hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookVerdict {
    /// It had nothing to say.
    #[default]
    Pass,
    /// It changed the request or the conversation.
    Rewrite,
    /// It added to the conversation.
    AddContext,
    /// It answered the chat.
    Reply,
    /// The picture stays.
    Keep,
    /// Another picture takes its place.
    Replace,
    /// It stopped the request.
    Block,
    /// It broke.
    Failed,
    /// It was not asked.
    Skipped,
}

/// A picture that took another one's place, both by their sha-256 in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The one that went.
    pub from: String,
    /// The one that came.
    pub to: String,
}

/// One line of the trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookTrace {
    /// The addon.
    pub addon_id: String,
    /// Where it hooked in.
    pub point: HookPoint,
    /// `after-image`: which picture of the result, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u32>,
    /// What became of it.
    pub verdict: HookVerdict,
    /// How long it took, waiting included.
    pub ms: u64,
    /// Processor time that it used; none where it was never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// `rewrite`: the names of what it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
    /// `add-context`: how many messages it added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<usize>,
    /// `replace`: both pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
    /// `failed`, `skipped`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<JobCode>,
    /// `failed`, `block`: the addon's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon_code: Option<String>,
    /// `failed`, `skipped`: why, in words of the platform; none where the addon had words of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `skipped`: when it may be asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
}

impl HookTrace {
    /// The line of a hook that is about to be asked.
    pub(super) fn of(addon: &str, point: HookPoint, image: Option<u32>) -> Self {
        Self {
            addon_id: addon.to_owned(),
            point,
            image,
            verdict: HookVerdict::Pass,
            ms: 0,
            cpu_ms: None,
            changed: None,
            messages: None,
            replaced: None,
            code: None,
            addon_code: None,
            error: None,
            retry_at: None,
        }
    }

    /// The same line with this verdict.
    pub(super) fn with(self, verdict: HookVerdict) -> Self {
        Self { verdict, ..self }
    }

    /// The same line with the names of what was changed.
    pub(super) fn changing(self, names: &[&str]) -> Self {
        let changed = Some(names.iter().map(|name| (*name).to_owned()).collect());
        Self { changed, ..self.with(HookVerdict::Rewrite) }
    }

    /// The same line with why there is no answer.
    pub(super) fn because(self, verdict: HookVerdict, failure: &Failure) -> Self {
        Self {
            code: Some(failure.code),
            addon_code: failure.addon_code.clone(),
            error: in_own_words(failure).then(|| failure.message.clone()),
            retry_at: failure.retry_at,
            ..self.with(verdict)
        }
    }
}

/// Whether a failure's message is the platform's own: an addon's may quote what its user wrote.
const fn in_own_words(failure: &Failure) -> bool {
    matches!(
        failure.code,
        JobCode::CpuLimit
            | JobCode::MemoryLimit
            | JobCode::DeadlineExceeded
            | JobCode::OutputLimit
            | JobCode::AddonBlocked
            | JobCode::AddonQuarantined
            | JobCode::SecretMissing
            | JobCode::HookUnavailable
            | JobCode::NotGranted
            | JobCode::Cancelled
            | JobCode::Internal
    )
}

/// The lines of one job, in the order in which they happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    lines: Vec<HookTrace>,
    dropped: usize,
}

impl Trace {
    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[HookTrace] {
        &self.lines
    }

    /// How many lines there was no room for.
    #[must_use]
    pub const fn dropped(&self) -> usize {
        self.dropped
    }

    pub(super) fn push(&mut self, line: HookTrace) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Keeps the line of the hook that ends the job, whatever there is already.
    pub(super) fn push_last(&mut self, line: HookTrace) {
        self.lines.push(line);
    }

    /// The result of a job that went through these hooks, with the trace in it.
    #[must_use]
    pub fn in_result(&self, mut result: Value) -> Value {
        if let Some(result) = result.as_object_mut() {
            result.extend(self.members().into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        result
    }

    /// The members of a result or of an error's details that show the trace.
    fn members(&self) -> Vec<(&'static str, Value)> {
        let dropped = (self.dropped > 0).then(|| ("hooksDropped", json!(self.dropped)));
        std::iter::once(("hooks", json!(self.lines))).chain(dropped).collect()
    }

    /// The error of a job that went through these hooks, with the trace in its details.
    #[must_use]
    pub fn in_error(&self, error: JobError) -> JobError {
        if self.lines.is_empty() {
            return error;
        }
        with_details(error, self.members())
    }
}

/// The same error with more in its details.
pub(super) fn with_details(error: JobError, members: Vec<(&'static str, Value)>) -> JobError {
    let mut details = match error.failure.details.clone() {
        Some(Value::Object(members)) => members,
        None => serde_json::Map::new(),
        Some(other) => serde_json::Map::from_iter([(String::from("details"), other)]),
    };
    for (name, value) in members {
        details.insert(name.to_owned(), value);
    }
    JobError { failure: error.failure.with_details(Value::Object(details)), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> HookTrace {
        HookTrace::of("acme.art", HookPoint::BeforeImage, None)
    }

    #[test]
    fn a_trace_is_bounded_and_keeps_the_line_that_ended_the_job() {
        let mut trace = Trace::default();
        for _ in 0..100 {
            trace.push(line());
        }
        trace.push_last(line().with(HookVerdict::Block));
        assert_eq!((trace.lines().len(), trace.dropped()), (65, 36));
        assert_eq!(trace.lines().last().map(|line| line.verdict), Some(HookVerdict::Block));
        assert!(trace.members().iter().any(|member| *member == ("hooksDropped", json!(36))));
    }

    #[test]
    fn an_addons_own_words_stay_out_of_the_trace() {
        for (code, is_told) in [
            (JobCode::AddonFailed, false),
            (JobCode::AddonTrapped, false),
            (JobCode::AddonResultInvalid, false),
            (JobCode::CpuLimit, true),
        ] {
            let failure = Failure::permanent(code, "my secret prompt");
            let told = line().because(HookVerdict::Failed, &failure);
            assert_eq!((told.error.is_some(), told.code), (is_told, Some(code)));
        }
    }

    #[test]
    fn an_error_keeps_its_details_beside_the_trace() {
        let mut trace = Trace::default();
        let error = JobError::from(Failure::permanent(JobCode::ProviderFailed, "no").with_details(json!({ "a": 1 })));
        assert_eq!(trace.in_error(error.clone()), error);
        trace.push(line().changing(&["prompt"]));
        let details = trace.in_error(error).failure.details.unwrap_or_default();
        assert_eq!((&details["a"], &details["hooks"][0]["changed"]), (&json!(1), &json!(["prompt"])));
    }
}
