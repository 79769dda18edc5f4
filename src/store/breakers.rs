//! Circuit breakers of hooks: which ones failed in a row lately, and which are not asked for a while. All processes share
//! them.
//!
//! Nobody asks about a hook that never failed: what there is comes with the enablement when a process reads that, and each
//! change that others have to know makes every process read it again. They go by themselves when nothing happens.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use crate::clock;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::manifest::HookPoint;
use crate::store::control::{CHANNEL, Message};
use crate::store::{Store, StoreError, script};

/// One enablement, by whose it is.
pub type EnablementName<'a> = (&'a ClientId, &'a UserId, &'a AddonId);

/// What is known of one hook that failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// The component that failed; nothing of this holds for another one.
    pub digest: Digest,
    /// When it failed since it last worked, in milliseconds since the epoch, oldest first; at most as many as open it.
    pub failures: Vec<u64>,
    /// How it failed last.
    pub code: JobCode,
    /// Until when it is not asked, in milliseconds since the epoch; afterwards one call tries it. None while it is closed.
    #[serde(default)]
    pub open_until: Option<u64>,
}

/// When failures open a breaker, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BreakerRule {
    /// Failures in a row.
    pub failures: u32,
    /// Within this time.
    pub window: Duration,
    /// How long it stays open.
    pub pause: Duration,
}

/// What a hook's breaker says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is closed.
    Closed,
    /// It was open for its time, and this call finds out whether it works again.
    Trial,
    /// It is open, or another call is trying, until then (in milliseconds since the epoch).
    Shut(u64),
}

/// The book of breakers.
#[derive(Clone, Debug)]
pub struct Breakers {
    store: Store,
}

/// Noun of an enablement's breakers: a hash, a field a hook point.
const BREAKERS: &str = "hook-breakers";

impl Breakers {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Every breaker of an enablement: none for hooks that work.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn of(&self, of: EnablementName<'_>) -> Result<HashMap<HookPoint, Breaker>, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.key(of));
        let fields: HashMap<String, String> = self.store.ask(&command).await?;
        let known = HookPoint::ALL.into_iter().filter_map(|point| Some((point, fields.get(point.as_str())?)));
        known.map(|(point, text)| Ok((point, decode(text)?))).collect()
    }

    /// Counts a failure, and opens the breaker where it was one too many, or the trial. Answers the breaker, and whether
    /// every process was told to read it again.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn failed(
        &self,
        of: EnablementName<'_>,
        point: HookPoint,
        (digest, code): (&Digest, JobCode),
        rule: &BreakerRule,
    ) -> Result<(Breaker, bool), StoreError> {
        let mut invocation = script::BREAKER_FAIL.prepare_invoke();
        invocation.key(self.key(of)).arg(point.as_str()).arg(digest.to_string()).arg(clock::now_ms());
        invocation.arg(code.as_str()).arg(rule.failures).arg(millis(rule.window)).arg(millis(rule.pause));
        invocation.arg(self.store.only_key(CHANNEL)).arg(changed(of)?);
        let (text, is_news): (String, bool) = self.store.run_once(&invocation).await?;
        Ok((decode(&text)?, is_news))
    }

    /// Asks whether a hook whose breaker was open may be tried; who gets the trial has it for `lease`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn try_again(
        &self,
        of: EnablementName<'_>,
        point: HookPoint,
        digest: &Digest,
        lease: Duration,
    ) -> Result<Tried, StoreError> {
        let mut invocation = script::BREAKER_TRY.prepare_invoke();
        invocation.key(self.key(of)).arg(point.as_str()).arg(digest.to_string()).arg(clock::now_ms());
        invocation.arg(millis(lease));
        let (answer, until): (u8, u64) = self.store.run_once(&invocation).await?;
        Ok(match answer {
            0 => Tried::Closed,
            1 => Tried::Trial,
            _ => Tried::Shut(until),
        })
    }

    /// A call worked: failures that were counted before are forgotten. An open breaker is closed by its trial alone.
    /// Answers whether anything changed.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn worked(&self, of: EnablementName<'_>, point: HookPoint, is_trial: bool) -> Result<bool, StoreError> {
        let mut invocation = script::BREAKER_CLOSE.prepare_invoke();
        invocation.key(self.key(of)).arg(point.as_str()).arg(u8::from(is_trial));
        invocation.arg(self.store.only_key(CHANNEL)).arg(changed(of)?);
        self.store.run(&invocation).await
    }

    /// A client's name has no colon and an addon's has none either, so the user between them may have any.
    fn key(&self, (client, user, addon): EnablementName<'_>) -> String {
        self.store.key(BREAKERS, &format!("{client}:{user}:{addon}"))
    }
}

fn decode(text: &str) -> Result<Breaker, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("hook breaker"))
}

/// What makes every process read the enablement again, and its breakers with it.
fn changed((client, user, addon): EnablementName<'_>) -> Result<String, StoreError> {
    let message = Message::EnablementChanged { client: client.clone(), user: user.clone(), addon: addon.clone() };
    serde_json::to_string(&message).map_err(StoreError::unwritable("control message"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
