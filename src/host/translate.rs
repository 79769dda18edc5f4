//! Values of the contract into values of the model, and back.
//!
//! What a guest returns is a stranger's input: JSON is parsed, ranges are checked,
//! sizes are added up before anything goes on.

use serde_json::Value;

use crate::host::api::v1::imports::semantest::addon::{chat_types, image_types, types};
use crate::host::api::v1::{actions, after_image, after_reply, before_image, before_prompt, lifecycle};
use crate::host::invocation::{
    ActionOutput, ImageVerdict, PictureOutcome, PictureVerdict, PromptVerdict, Refusal, ReplyVerdict, StopReason,
};
use crate::host::outcome::CallFailure;
use crate::host::ports::AssetFacts;
use crate::host::resources::HostAsset;
use crate::host::state::GuestState;
use crate::model::chat::{self, Message, Role};
use crate::model::image::{ImageRequest, Size};

use actions::exports::semantest::addon::actions as action_types;
use after_image::exports::semantest::addon::after_image as after_image_types;
use after_reply::exports::semantest::addon::after_reply as after_reply_types;
use before_image::exports::semantest::addon::before_image as before_image_types;
use before_prompt::exports::semantest::addon::before_prompt as before_prompt_types;
use lifecycle::exports::semantest::addon::lifecycle as lifecycle_types;

/// Adds up what a guest returned, against what it may return.
pub(super) struct OutputBudget {
    allowed: u64,
    reached: u64,
}

impl OutputBudget {
    pub(super) const fn new(allowed: u64) -> Self {
        Self { allowed, reached: 0 }
    }

    fn take(&mut self, bytes: usize) -> Result<(), CallFailure> {
        self.reached = self.reached.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.reached > self.allowed {
            return Err(CallFailure::OutputLimit { reached: Some(self.reached), allowed: self.allowed });
        }
        Ok(())
    }

    fn json(&mut self, what: &str, text: &str) -> Result<Value, CallFailure> {
        self.take(text.len())?;
        serde_json::from_str(text)
            .map_err(|error| CallFailure::ResultInvalid { message: format!("{what} is no JSON: {error}") })
    }
}

impl From<StopReason> for lifecycle_types::StopReason {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::UserDisabled => Self::UserDisabled,
            StopReason::Upgraded => Self::Upgraded,
            StopReason::Blocked => Self::Blocked,
            StopReason::Quarantined => Self::Quarantined,
        }
    }
}

impl From<types::Refusal> for Refusal {
    fn from(refusal: types::Refusal) -> Self {
        Self { code: refusal.code, message: refusal.message }
    }
}

impl From<Message> for chat_types::Message {
    fn from(message: Message) -> Self {
        let role = match message.role {
            Role::System => chat_types::Role::System,
            Role::User => chat_types::Role::User,
            Role::Assistant => chat_types::Role::Assistant,
            Role::Tool => chat_types::Role::Tool,
        };
        Self { role, text: message.text, attachments: message.attachments }
    }
}

impl From<ImageRequest> for image_types::ImageRequest {
    fn from(request: ImageRequest) -> Self {
        Self {
            prompt: request.prompt,
            negative_prompt: request.negative_prompt,
            provider: request.provider,
            model: request.model,
            size: request.size.map(|size| image_types::Size { width: size.width, height: size.height }),
            quality: request.quality,
            style: request.style,
            count: request.count,
            seed: request.seed,
            image: request.image,
            extra: request.extra.map(|extra| extra.to_string()),
        }
    }
}

/// What an action returned; its assets leave the call's table.
pub(super) fn action_output(
    output: action_types::Output,
    state: &mut GuestState,
    budget: &mut OutputBudget,
) -> Result<ActionOutput, CallFailure> {
    let value = budget.json("the action's value", &output.value)?;
    Ok(ActionOutput { value, assets: assets(output.assets, state, budget)? })
}

/// Assets that a guest gave away; they leave the call's table.
pub(super) fn assets(
    assets: Vec<wasmtime::component::Resource<HostAsset>>,
    state: &mut GuestState,
    budget: &mut OutputBudget,
) -> Result<Vec<AssetFacts>, CallFailure> {
    assets.into_iter().map(|asset| take_asset(asset, state, budget)).collect()
}

/// What `before-prompt` decided.
pub(super) fn prompt_verdict(
    verdict: before_prompt_types::Verdict,
    budget: &mut OutputBudget,
) -> Result<PromptVerdict, CallFailure> {
    Ok(match verdict {
        before_prompt_types::Verdict::Pass => PromptVerdict::Pass,
        before_prompt_types::Verdict::Rewrite(history) if history.is_empty() => {
            return Err(CallFailure::ResultInvalid { message: String::from("the rewritten chat has no message") });
        }
        before_prompt_types::Verdict::Rewrite(history) => PromptVerdict::Rewrite(messages(history, budget)?),
        before_prompt_types::Verdict::AddContext(context) => PromptVerdict::AddContext(messages(context, budget)?),
        before_prompt_types::Verdict::Reply(given) => PromptVerdict::Reply(reply(given, budget)?),
        before_prompt_types::Verdict::Block(reason) => PromptVerdict::Block(refusal(reason, budget)?),
    })
}

/// What `after-reply` decided.
pub(super) fn reply_verdict(
    verdict: after_reply_types::Verdict,
    budget: &mut OutputBudget,
) -> Result<ReplyVerdict, CallFailure> {
    Ok(match verdict {
        after_reply_types::Verdict::Pass => ReplyVerdict::Pass,
        after_reply_types::Verdict::Rewrite(given) => ReplyVerdict::Rewrite(reply(given, budget)?),
        after_reply_types::Verdict::Block(reason) => ReplyVerdict::Block(refusal(reason, budget)?),
    })
}

/// A message that answers a chat.
fn reply(given: chat_types::Message, budget: &mut OutputBudget) -> Result<Message, CallFailure> {
    let reply = checked(vec![message(given, budget)?])?.into_iter().next();
    let reply = reply.filter(|reply| reply.role == Role::Assistant);
    reply.ok_or_else(|| CallFailure::ResultInvalid { message: String::from("a reply must be the assistant's") })
}

/// What `before-image` decided.
pub(super) fn image_verdict(
    verdict: before_image_types::Verdict,
    budget: &mut OutputBudget,
) -> Result<ImageVerdict, CallFailure> {
    Ok(match verdict {
        before_image_types::Verdict::Pass => ImageVerdict::Pass,
        before_image_types::Verdict::Rewrite(request) => ImageVerdict::Rewrite(image_request(request, budget)?),
        before_image_types::Verdict::Block(reason) => ImageVerdict::Block(refusal(reason, budget)?),
    })
}

/// What `after-image` decided.
pub(super) fn picture_outcome(
    outcome: after_image_types::Outcome,
    state: &mut GuestState,
    budget: &mut OutputBudget,
) -> Result<PictureOutcome, CallFailure> {
    let tags = outcome.tags.map(|tags| budget.json("`tags`", &tags)).transpose()?;
    if tags.as_ref().is_some_and(|tags| !tags.is_object()) {
        return Err(CallFailure::ResultInvalid { message: String::from("`tags` is no JSON object") });
    }
    let verdict = match outcome.verdict {
        after_image_types::Verdict::Keep => PictureVerdict::Keep,
        after_image_types::Verdict::Replace(asset) => PictureVerdict::Replace(take_asset(asset, state, budget)?),
        after_image_types::Verdict::Block(reason) => PictureVerdict::Block(refusal(reason, budget)?),
    };
    Ok(PictureOutcome { verdict, tags })
}

/// Takes an asset that the guest gave away out of the call's table.
fn take_asset(
    asset: wasmtime::component::Resource<HostAsset>,
    state: &mut GuestState,
    budget: &mut OutputBudget,
) -> Result<AssetFacts, CallFailure> {
    let facts = state.table.delete(asset).map_err(|error| CallFailure::internal(error.into()))?.0;
    budget.take(facts.id.len())?;
    Ok(facts)
}

fn refusal(refusal: types::Refusal, budget: &mut OutputBudget) -> Result<Refusal, CallFailure> {
    budget.take(refusal.code.len().saturating_add(refusal.message.len()))?;
    Ok(refusal.into())
}

fn messages(given: Vec<chat_types::Message>, budget: &mut OutputBudget) -> Result<Vec<Message>, CallFailure> {
    checked(given.into_iter().map(|each| message(each, budget)).collect::<Result<_, _>>()?)
}

/// Messages of a guest, held to the same rules as a client's.
fn checked(messages: Vec<Message>) -> Result<Vec<Message>, CallFailure> {
    match chat::fault(&messages) {
        None => Ok(messages),
        Some(message) => Err(CallFailure::ResultInvalid { message }),
    }
}

fn message(message: chat_types::Message, budget: &mut OutputBudget) -> Result<Message, CallFailure> {
    let attachments: usize = message.attachments.iter().map(String::len).sum();
    budget.take(message.text.len().saturating_add(attachments))?;
    let role = match message.role {
        chat_types::Role::System => Role::System,
        chat_types::Role::User => Role::User,
        chat_types::Role::Assistant => Role::Assistant,
        chat_types::Role::Tool => Role::Tool,
    };
    Ok(Message { role, text: message.text, attachments: message.attachments })
}

/// A rewritten request, held to the same rules as one that a client sends.
fn image_request(request: image_types::ImageRequest, budget: &mut OutputBudget) -> Result<ImageRequest, CallFailure> {
    budget.take(request.prompt.len())?;
    let extra = request.extra.map(|extra| budget.json("`extra`", &extra)).transpose()?;
    let size = request.size.map(size).transpose()?;
    let request = ImageRequest {
        prompt: request.prompt,
        negative_prompt: request.negative_prompt,
        provider: request.provider,
        model: request.model,
        size,
        quality: request.quality,
        style: request.style,
        count: request.count,
        seed: request.seed,
        image: request.image,
        extra,
    };
    match request.faults().first() {
        None => Ok(request),
        Some((field, fault)) => Err(CallFailure::ResultInvalid { message: format!("`{field}` {fault}") }),
    }
}

fn size(size: image_types::Size) -> Result<Size, CallFailure> {
    Size::parse(&format!("{}x{}", size.width, size.height))
        .map_err(|error| CallFailure::ResultInvalid { message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(prompt: &str, side: u32, count: u32) -> before_image_types::Verdict {
        before_image_types::Verdict::Rewrite(image_types::ImageRequest {
            prompt: prompt.to_owned(),
            size: Some(image_types::Size { width: side, height: side }),
            count,
            extra: Some(String::from("{\"steps\":20}")),
            ..ImageRequest::of("").into()
        })
    }

    #[test]
    fn a_rewritten_request_is_held_to_a_clients_rules() {
        let verdict = image_verdict(requested("a garden", 64, 2), &mut OutputBudget::new(1000));
        let expected = ImageRequest {
            size: Some(Size { width: 64, height: 64 }),
            count: 2,
            extra: Some(serde_json::json!({ "steps": 20 })),
            ..ImageRequest::of("a garden")
        };
        assert!(matches!(verdict, Ok(ImageVerdict::Rewrite(request)) if request == expected));
        for bad in [requested("", 64, 1), requested("a garden", 5, 1), requested("a garden", 64, 99)] {
            let verdict = image_verdict(bad, &mut OutputBudget::new(1000));
            assert!(matches!(verdict, Err(CallFailure::ResultInvalid { .. })), "{verdict:?}");
        }
    }

    #[test]
    fn everything_that_is_returned_counts() {
        let message = |text: &str| {
            chat_types::Message::from(Message {
                role: Role::Assistant,
                text: text.to_owned(),
                attachments: vec![format!("art_{}", ulid::Ulid::nil())],
            })
        };
        let rewritten = |count| before_prompt_types::Verdict::Rewrite(vec![message("1234567890"); count]);
        assert!(prompt_verdict(rewritten(10), &mut OutputBudget::new(400)).is_ok());
        let verdict = prompt_verdict(rewritten(11), &mut OutputBudget::new(400));
        assert!(matches!(verdict, Err(CallFailure::OutputLimit { reached: Some(440), allowed: 400 })), "{verdict:?}");
    }

    #[test]
    fn a_chat_that_no_client_could_send_is_no_answer() {
        let user = |text: &str| {
            let message = Message { role: Role::User, text: text.to_owned(), attachments: Vec::new() };
            chat_types::Message::from(message)
        };
        for bad in [
            before_prompt_types::Verdict::Rewrite(Vec::new()),
            before_prompt_types::Verdict::Rewrite(vec![user(&"x".repeat(chat::MAX_MESSAGE_CHARS + 1))]),
            before_prompt_types::Verdict::AddContext(vec![user("x"); chat::MAX_MESSAGES + 1]),
            before_prompt_types::Verdict::Reply(user("not the assistant")),
        ] {
            let verdict = prompt_verdict(bad, &mut OutputBudget::new(1 << 20));
            assert!(matches!(verdict, Err(CallFailure::ResultInvalid { .. })), "{verdict:?}");
        }
    }
}
