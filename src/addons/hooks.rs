//! A user's hooks as one chain: in order, each with its own budget, broken ones passed by or fatal as they declared.
//!
//! A hook's answer is a stranger's: what it makes of a request, a chat or a picture meets the rules that a client's own
//! would meet, and what breaks them is the hook's failure.

mod breaker;
mod chain;
mod order;
pub mod trace;

use serde_json::Value;

use crate::addons::Addons;
use crate::addons::given::GivenAsset;
use crate::addons::hooks::chain::{Answer, Chain};
use crate::addons::hooks::order::{Link, in_order};
use crate::addons::hooks::trace::{HookTrace, HookVerdict, Replaced, Trace};
use crate::addons::running::CallContext;
use crate::host::invocation::{ImageVerdict, PictureVerdict as Wish, PromptVerdict, ReplyVerdict};
use crate::host::ports::AssetFacts;
use crate::host::{Invocation, Reply};
use crate::model::chat::{self, Message};
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::id::{ClientId, UserId};
use crate::model::image::ImageRequest;
use crate::model::job_error::JobError;
use crate::model::manifest::HookPoint;
use crate::store::blobs::BlobKind;

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

/// Whether bytes are a picture that the platform takes: their media type, or why not.
pub type Look<'a> = &'a (dyn Fn(&[u8]) -> Result<&'static str, String> + Send + Sync);

/// A picture on its way through `after-image`: which one of its job it is, and how one that takes its place is judged.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// Its place among the job's pictures, from 0.
    pub index: u32,
    /// The picture.
    pub picture: &'a GivenAsset,
    /// What judges one that takes its place.
    pub look: Look<'a>,
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
        trace: &mut Trace,
    ) -> Result<ImageRequest, JobError> {
        let mut request = request;
        let links = self.links(user, HookPoint::BeforeImage, context).await?;
        let mut chain = Chain::new(&self.inner, HookPoint::BeforeImage, None, context, trace);
        for link in &links {
            let invocation = Invocation::BeforeImage { request: request.clone() };
            let Some(Answer { reply, line, is_trial }) = chain.ask(link, invocation, &[]).await? else { continue };
            match reply {
                Reply::BeforeImage(ImageVerdict::Pass) => chain.accept(link, line, is_trial).await,
                Reply::BeforeImage(ImageVerdict::Rewrite(rewritten)) => {
                    let line = line.changing(&request.changed_fields(&rewritten));
                    chain.accept(link, line, is_trial).await;
                    request = rewritten;
                }
                Reply::BeforeImage(ImageVerdict::Block(refusal)) => {
                    return Err(chain.block(link, (line, is_trial), refusal).await);
                }
                _ => return Err(out_of_turn()),
            }
        }
        Ok(request)
    }

    /// Shows one picture to the user's `after-image` hooks; one that takes its place is what the next hook sees.
    ///
    /// # Errors
    /// As [`Addons::before_image`].
    pub async fn after_image(
        &self,
        user: (&ClientId, &UserId),
        request: &ImageRequest,
        shown: Shown<'_>,
        context: &CallContext,
        trace: &mut Trace,
    ) -> Result<PictureVerdict, JobError> {
        let mut verdict = PictureVerdict { replacement: None, tags: serde_json::Map::new() };
        let mut current = shown.picture.clone();
        let links = self.links(user, HookPoint::AfterImage, context).await?;
        let mut chain = Chain::new(&self.inner, HookPoint::AfterImage, Some(shown.index), context, trace);
        for link in &links {
            let invocation = Invocation::AfterImage { request: request.clone(), asset: current.facts() };
            let given = std::slice::from_ref(&current);
            let Some(Answer { reply, line, is_trial }) = chain.ask(link, invocation, given).await? else { continue };
            let Reply::AfterImage(outcome) = reply else { return Err(out_of_turn()) };
            match outcome.verdict {
                Wish::Keep => chain.accept(link, line.with(HookVerdict::Keep), is_trial).await,
                Wish::Replace(asset) => match self.taken(&asset, shown.look).await? {
                    Ok(next) => {
                        let replaced = Replaced { from: current.digest.clone(), to: next.digest.clone() };
                        let line = HookTrace { replaced: Some(replaced), ..line.with(HookVerdict::Replace) };
                        chain.accept(link, line, is_trial).await;
                        (current, verdict.replacement) = (next, Some(asset));
                    }
                    Err(why) => {
                        chain.reject(link, line, &why).await?;
                        continue;
                    }
                },
                Wish::Block(refusal) => return Err(chain.block(link, (line, is_trial), refusal).await),
            }
            if let Some(tags) = outcome.tags {
                verdict.tags.insert(link.running.owner.addon.to_string(), tags);
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
        trace: &mut Trace,
    ) -> Result<ChatVerdict, JobError> {
        let mut verdict = ChatVerdict { reply: None, context: Vec::new(), history };
        let links = self.links(user, HookPoint::BeforePrompt, context).await?;
        let mut chain = Chain::new(&self.inner, HookPoint::BeforePrompt, None, context, trace);
        for link in &links {
            let invocation = Invocation::BeforePrompt { history: verdict.history.clone() };
            let Some(Answer { reply, line, is_trial }) = chain.ask(link, invocation, &[]).await? else { continue };
            let Reply::BeforePrompt(wish) = reply else { return Err(out_of_turn()) };
            match wish {
                PromptVerdict::Pass => chain.accept(link, line, is_trial).await,
                PromptVerdict::Rewrite(history) => {
                    let line = line.changing(&chat::changed_parts(&verdict.history, &history));
                    chain.accept(link, line, is_trial).await;
                    verdict.history = history;
                }
                PromptVerdict::AddContext(messages) => {
                    let all = [verdict.context.as_slice(), messages.as_slice()].concat();
                    if let Some(fault) = chat::fault(&all) {
                        chain.reject(link, line, &format!("with the context before it, {fault}")).await?;
                        continue;
                    }
                    let line = HookTrace { messages: Some(messages.len()), ..line.with(HookVerdict::AddContext) };
                    chain.accept(link, line, is_trial).await;
                    verdict.context = all;
                }
                PromptVerdict::Reply(message) => {
                    chain.accept(link, line.with(HookVerdict::Reply), is_trial).await;
                    verdict.reply = Some((message, link.running.owner.addon.to_string()));
                    break;
                }
                PromptVerdict::Block(refusal) => return Err(chain.block(link, (line, is_trial), refusal).await),
            }
        }
        Ok(verdict)
    }

    /// Sends a reply through the user's `after-reply` hooks; each sees what the one before made of it.
    ///
    /// # Errors
    /// As [`Addons::before_image`].
    pub async fn after_reply(
        &self,
        user: (&ClientId, &UserId),
        reply: Message,
        context: &CallContext,
        trace: &mut Trace,
    ) -> Result<Message, JobError> {
        let mut reply = reply;
        let links = self.links(user, HookPoint::AfterReply, context).await?;
        let mut chain = Chain::new(&self.inner, HookPoint::AfterReply, None, context, trace);
        for link in &links {
            let invocation = Invocation::AfterReply { reply: reply.clone() };
            let Some(Answer { reply: wish, line, is_trial }) = chain.ask(link, invocation, &[]).await? else {
                continue;
            };
            match wish {
                Reply::AfterReply(ReplyVerdict::Pass) => chain.accept(link, line, is_trial).await,
                Reply::AfterReply(ReplyVerdict::Rewrite(rewritten)) => {
                    let changed = chat::changed_parts(std::slice::from_ref(&reply), std::slice::from_ref(&rewritten));
                    chain.accept(link, line.changing(&changed), is_trial).await;
                    reply = rewritten;
                }
                Reply::AfterReply(ReplyVerdict::Block(refusal)) => {
                    return Err(chain.block(link, (line, is_trial), refusal).await);
                }
                _ => return Err(out_of_turn()),
            }
        }
        Ok(reply)
    }

    async fn links(
        &self,
        (client, user): (&ClientId, &UserId),
        point: HookPoint,
        context: &CallContext,
    ) -> Result<Vec<Link>, JobError> {
        let mut links = in_order(self.inner.standing_of(client, user).await?, point);
        // An addon knows of the pictures that it asked for itself.
        let asker = context.lineage.asker();
        links.retain(|link| asker != Some(&link.running.owner.addon));
        Ok(links)
    }

    /// A picture that a hook made, as the next hook gets it; or what is wrong with it.
    async fn taken(&self, asset: &AssetFacts, look: Look<'_>) -> Result<Result<GivenAsset, String>, JobError> {
        let digest = Digest::parse(&format!("sha256:{}", asset.digest)).map_err(|_| out_of_turn())?;
        let bytes = self.inner.blobs.get(BlobKind::Artifact, &digest).await?;
        let declared = &asset.media_type;
        Ok(match look(&bytes) {
            Ok(found) if found == declared => Ok(GivenAsset {
                id: asset.id.clone(),
                media_type: declared.clone(),
                digest: asset.digest.clone(),
                metadata: asset.metadata.clone(),
                bytes,
            }),
            Ok(found) => Err(format!("the picture is {found} and says that it is another type")),
            Err(why) => Err(format!("what should take the picture's place is no picture: {why}")),
        })
    }
}

fn out_of_turn() -> JobError {
    JobError::permanent(JobCode::Internal, "the hook answered out of turn")
}
