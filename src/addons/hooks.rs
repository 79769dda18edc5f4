//! A user's hooks as one chain: in order, each with its own budget, broken ones passed by or fatal as they declared.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;

use crate::addons::Addons;
use crate::addons::running::{Call, CallContext, GivenAsset, Running};
use crate::addons::turns::Line;
use crate::host::invocation::{ImageVerdict, PictureVerdict as Wish, PromptVerdict, Refusal};
use crate::host::ports::AssetFacts;
use crate::host::{CallFailure, Invocation, Reply};
use crate::model::chat::Message;
use crate::model::code::JobCode;
use crate::model::id::{ClientId, UserId};
use crate::model::image::ImageRequest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::manifest::{HookPoint, HookSpec, OnFailure};

/// Processor time of a hook that declares none, in milliseconds.
const DEFAULT_HOOK_CPU_MS: u64 = 100;
/// Time from start to end of a hook that declares none, in milliseconds.
const DEFAULT_HOOK_WALL_MS: u64 = 1000;

/// One line of the trace that a job shows: who did what, in how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookTrace {
    /// The addon.
    pub addon_id: String,
    /// Where it hooked in.
    pub point: String,
    /// `pass`, `rewrite`, `block`, `failed` and the like.
    pub verdict: String,
    /// How long it took.
    pub ms: u64,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the chain before a chat answer came to.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatVerdict {
    /// The first reply in hook order, and who gave it.
    pub reply: Option<(Message, String)>,
    /// What the hooks added to the conversation.
    pub context: Vec<Message>,
    /// The conversation as the hooks left it.
    pub history: Vec<Message>,
}

/// What the chain after a picture came to.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureVerdict {
    /// An artifact that takes the picture's place.
    pub replacement: Option<AssetFacts>,
    /// What each addon says about the picture, by addon id.
    pub tags: serde_json::Map<String, Value>,
}

impl Addons {
    /// Sends a picture request through the user's `before-image` hooks.
    ///
    /// # Errors
    /// [`JobError`] `BLOCKED_BY_ADDON`, or the failure of a hook that is declared fail-closed.
    pub async fn before_image(
        &self,
        user: (&ClientId, &UserId),
        request: ImageRequest,
        context: &CallContext,
        trace: &mut Vec<HookTrace>,
    ) -> Result<ImageRequest, JobError> {
        let mut request = request;
        for running in self.chain(user, HookPoint::BeforeImage, context).await? {
            let invocation = Invocation::BeforeImage { request: request.clone() };
            let Some(reply) = self.hook(&running, HookPoint::BeforeImage, invocation, &[], context, trace).await?
            else {
                continue;
            };
            match reply {
                Reply::BeforeImage(ImageVerdict::Pass) => note(trace, "pass"),
                Reply::BeforeImage(ImageVerdict::Rewrite(rewritten)) => {
                    note(trace, "rewrite");
                    request = checked_rewrite(&running, rewritten)?;
                }
                Reply::BeforeImage(ImageVerdict::Block(refusal)) => return Err(blocked(&running, refusal, trace)),
                _ => return Err(out_of_turn()),
            }
        }
        Ok(request)
    }

    /// Shows one picture to the user's `after-image` hooks.
    ///
    /// # Errors
    /// As [`Addons::before_image`].
    pub async fn after_image(
        &self,
        user: (&ClientId, &UserId),
        request: &ImageRequest,
        picture: &GivenAsset,
        context: &CallContext,
        trace: &mut Vec<HookTrace>,
    ) -> Result<PictureVerdict, JobError> {
        let mut verdict = PictureVerdict { replacement: None, tags: serde_json::Map::new() };
        for running in self.chain(user, HookPoint::AfterImage, context).await? {
            let asset = verdict.replacement.clone().unwrap_or_else(|| picture.facts());
            let invocation = Invocation::AfterImage { request: request.clone(), asset };
            let given = std::slice::from_ref(picture);
            let Some(reply) = self.hook(&running, HookPoint::AfterImage, invocation, given, context, trace).await?
            else {
                continue;
            };
            let Reply::AfterImage(outcome) = reply else { return Err(out_of_turn()) };
            if let Some(tags) = outcome.tags {
                verdict.tags.insert(running.owner.addon.to_string(), tags);
            }
            match outcome.verdict {
                Wish::Keep => note(trace, "keep"),
                Wish::Replace(asset) => {
                    note(trace, "replace");
                    verdict.replacement = Some(asset);
                }
                Wish::Block(refusal) => return Err(blocked(&running, refusal, trace)),
            }
        }
        Ok(verdict)
    }

    /// Sends a conversation through the user's `before-prompt` hooks; the first reply ends the chain.
    ///
    /// # Errors
    /// As [`Addons::before_image`].
    pub async fn before_prompt(
        &self,
        user: (&ClientId, &UserId),
        history: Vec<Message>,
        context: &CallContext,
        trace: &mut Vec<HookTrace>,
    ) -> Result<ChatVerdict, JobError> {
        let mut verdict = ChatVerdict { reply: None, context: Vec::new(), history };
        for running in self.chain(user, HookPoint::BeforePrompt, context).await? {
            let invocation = Invocation::BeforePrompt { history: verdict.history.clone() };
            let Some(reply) = self.hook(&running, HookPoint::BeforePrompt, invocation, &[], context, trace).await?
            else {
                continue;
            };
            let Reply::BeforePrompt(wish) = reply else { return Err(out_of_turn()) };
            match wish {
                PromptVerdict::Pass => note(trace, "pass"),
                PromptVerdict::Rewrite(history) => {
                    note(trace, "rewrite");
                    verdict.history = history;
                }
                PromptVerdict::AddContext(messages) => {
                    note(trace, "add-context");
                    verdict.context.extend(messages);
                }
                PromptVerdict::Reply(message) => {
                    note(trace, "reply");
                    verdict.reply = Some((message, running.owner.addon.to_string()));
                    break;
                }
                PromptVerdict::Block(refusal) => return Err(blocked(&running, refusal, trace)),
            }
        }
        Ok(verdict)
    }

    /// The user's addons that hook in at `point`: by phase, then by the user's order, then by name.
    async fn chain(
        &self,
        (client, user): (&ClientId, &UserId),
        point: HookPoint,
        context: &CallContext,
    ) -> Result<Vec<Arc<Running>>, JobError> {
        let mut chain: Vec<_> = self.inner.running_of(client, user).await?;
        // An addon knows of the pictures that it asked for itself.
        let asker = context.lineage.asker();
        chain.retain(|running| running.manifest.hook(point).is_some() && asker != Some(&running.owner.addon));
        chain.sort_by_key(|running| {
            let phase = running.manifest.hook(point).map(|hook| hook.phase);
            (phase, running.enablement.order, running.owner.addon.clone())
        });
        Ok(chain)
    }

    /// One hook; `None` when it broke and is declared fail-open.
    async fn hook(
        &self,
        running: &Running,
        point: HookPoint,
        invocation: Invocation,
        given: &[GivenAsset],
        context: &CallContext,
        trace: &mut Vec<HookTrace>,
    ) -> Result<Option<Reply>, JobError> {
        let Some(hook) = running.manifest.hook(point) else { return Ok(None) };
        let started = Instant::now();
        let outcome = self.run_hook(running, hook, invocation, given, context).await;
        trace.push(HookTrace {
            addon_id: running.owner.addon.to_string(),
            point: point.as_str().to_owned(),
            verdict: String::from("pass"),
            ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            error: None,
        });
        let error = match outcome {
            Ok(reply) => return Ok(Some(reply)),
            Err(error) => error,
        };
        if let Some(last) = trace.last_mut() {
            last.verdict = String::from("failed");
            last.error = Some(error.failure.to_string());
        }
        warn!(
            addon.id = %running.owner.addon, job.id = %context.job_id, code = %error.failure.code,
            "Hook `{}` of `{}` failed", point.as_str(), running.owner.addon
        );
        if context.cancel.is_cancelled() || hook.on_failure == OnFailure::Closed {
            return Err(error);
        }
        context
            .progress
            .log(&format!("hook {} of {} failed and is passed by: {error}", point.as_str(), running.owner.addon))
            .await;
        Ok(None)
    }

    async fn run_hook(
        &self,
        running: &Running,
        hook: &HookSpec,
        invocation: Invocation,
        given: &[GivenAsset],
        context: &CallContext,
    ) -> Result<Reply, JobError> {
        let compiled = self.inner.compiled(running).await?;
        let cpu = hook.cpu_ms.unwrap_or(DEFAULT_HOOK_CPU_MS);
        let wall = hook.timeout_ms.unwrap_or(DEFAULT_HOOK_WALL_MS);
        let limits = self.inner.limits(&running.manifest, Some(cpu), Some(wall));
        let turn = self.inner.turns.wait(&running.owner, Line::Hooks, limits.wall).await;
        let Some(_turn) = turn else { return Err(CallFailure::NoRoom { waited: limits.wall }.into()) };
        self.inner.call(running, &compiled, Call { context, limits, given }, invocation).await
    }
}

fn note(trace: &mut [HookTrace], verdict: &str) {
    if let Some(last) = trace.last_mut() {
        verdict.clone_into(&mut last.verdict);
    }
}

/// A rewritten request is a stranger's request: it meets the same rules as a client's.
fn checked_rewrite(running: &Running, request: ImageRequest) -> Result<ImageRequest, JobError> {
    let faults = request.faults();
    if faults.is_empty() {
        return Ok(request);
    }
    let texts: Vec<String> = faults.into_iter().map(|(field, message)| format!("{field} {message}")).collect();
    let message =
        format!("`{}` rewrote the request into one that is not allowed: {}", running.owner.addon, texts.join("; "));
    Err(JobError::permanent(JobCode::AddonResultInvalid, message))
}

fn blocked(running: &Running, refusal: Refusal, trace: &mut [HookTrace]) -> JobError {
    note(trace, "block");
    let failure = Failure::permanent(JobCode::BlockedByAddon, refusal.message);
    let details = serde_json::json!({ "addonId": running.owner.addon });
    Failure { addon_code: Some(refusal.code), ..failure.with_details(details) }.into()
}

fn out_of_turn() -> JobError {
    JobError::permanent(JobCode::Internal, "the hook answered out of turn")
}
