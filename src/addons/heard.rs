//! Events that addons handle: who of a user's addons hears of one, and the call that tells it.

use serde_json::{Value, json};

use crate::addons::Addons;
use crate::addons::owner::Owner;
use crate::addons::running::{Call, CallContext, Running};
use crate::host::{Invocation, Reply};
use crate::model::code::JobCode;
use crate::model::event::EventType;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::model::topic;

/// An addon that handles an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearer {
    /// The addon.
    pub addon: AddonId,
    /// The topic, as its manifest names it.
    pub topic: String,
}

impl Addons {
    /// The user's enabled addons that handle how jobs end.
    ///
    /// # Errors
    /// [`JobError`] when the records cannot be read.
    pub async fn hearers_of_end(&self, user: (&ClientId, &UserId), end: EventType) -> Result<Vec<Hearer>, JobError> {
        let handles = |running: &Running| running.manifest.handles().iter().any(|handled| handled == end.as_str());
        self.hearers(user, |running| handles(running).then(|| end.as_str().to_owned())).await
    }

    /// The user's other enabled addons that handle what `emitter` announces under `topic`.
    ///
    /// # Errors
    /// [`JobError`] when the records cannot be read.
    pub async fn hearers_of_emitted(
        &self,
        user: (&ClientId, &UserId),
        emitter: &AddonId,
        topic: &str,
    ) -> Result<Vec<Hearer>, JobError> {
        let heard = |running: &Running| topic::heard_as(running.manifest.handles(), emitter, topic).map(str::to_owned);
        let hearers = self.hearers(user, heard).await?;
        Ok(hearers.into_iter().filter(|hearer| hearer.addon != *emitter).collect())
    }

    async fn hearers(
        &self,
        (client, user): (&ClientId, &UserId),
        heard: impl Fn(&Running) -> Option<String>,
    ) -> Result<Vec<Hearer>, JobError> {
        let standing = self.inner.standing_of(client, user).await?;
        // What is paused or waits for its user hears nothing meanwhile.
        let enabled = standing.iter().filter(|running| running.enablement.state == EnablementState::Enabled);
        let hearers = enabled.filter_map(|running| {
            let topic = heard(running)?;
            Some(Hearer { addon: running.owner.addon.clone(), topic })
        });
        Ok(hearers.collect())
    }

    /// Runs a `handle` job's call. An addon that is off by now, blocked, or of a version that does not handle the topic any
    /// more is not called, and the answer says so.
    ///
    /// # Errors
    /// [`JobError`]: the call's own outcome.
    pub async fn hear(
        &self,
        owner: &Owner,
        topic: &str,
        payload: &Value,
        context: &CallContext,
    ) -> Result<Value, JobError> {
        let unheard = |reason: String| Ok(json!({ "heard": false, "reason": reason }));
        let Some(running) = self.inner.running(owner).await? else {
            return unheard(format!("`{}` is not enabled for user `{}`", owner.addon, owner.user));
        };
        if let Err(blocked) = self.inner.may_run(&running) {
            return unheard(blocked.failure.message);
        }
        if !running.manifest.handles().iter().any(|handled| handled == topic) {
            return unheard(format!("`{}` does not handle `{topic}` in the version that runs now", owner.addon));
        }
        let compiled = self.inner.compiled(&running).await?;
        let call = Call { context, limits: self.inner.limits(&running.manifest, None, None), given: &[] };
        let invocation = Invocation::Handle { topic: topic.to_owned(), payload: payload.clone() };
        match self.inner.call(&running, &compiled, call, invocation).await? {
            Reply::Done => Ok(json!({ "heard": true })),
            _ => Err(JobError::permanent(JobCode::Internal, "the handler answered out of turn")),
        }
    }
}
