//! What one client may ask of the API: how often, and how many streams at once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::api::problem::{Problem, ProblemCode};
use crate::config::limits::LimitSettings;
use crate::model::id::ClientId;
use crate::model::rate::{RateCounter, RateGroup};
use crate::store::Store;
use crate::store::clients::ClientRecord;
use crate::store::rates::{RateGate, Rates};
use crate::work::Admission;

/// When a stream that got no place is worth asking for again.
const STREAM_AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The limits of one process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiLimits {
    settings: LimitSettings,
    are_enforced: bool,
    rates: Rates,
    streams: Arc<Mutex<HashMap<ClientId, u32>>>,
}

/// A client's place for one stream; dropped, it is free again.
#[derive(Debug)]
pub struct StreamPlace {
    client: ClientId,
    streams: Arc<Mutex<HashMap<ClientId, u32>>>,
}

impl ApiLimits {
    /// The limits that the settings name, with counters in `store`.
    #[must_use]
    pub fn new(settings: LimitSettings, is_dev: bool, store: &Store) -> Self {
        let are_enforced = settings.are_enforced(is_dev);
        Self { settings, are_enforced, rates: Rates::new(store.clone()), streams: Arc::default() }
    }

    /// Whether anything is counted.
    #[must_use]
    pub const fn are_enforced(&self) -> bool {
        self.are_enforced
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &LimitSettings {
        &self.settings
    }

    /// A request of `client` that is still to be counted; none where nothing is counted.
    #[must_use]
    pub fn admission(&self, client: &ClientRecord, group: RateGroup) -> Option<Admission> {
        if !self.are_enforced {
            return None;
        }
        let (own, per_user) = group.counters();
        let gates = self.limit(client, own).map(|limit| RateGate::of_client(own, &client.id, limit));
        let per_user = per_user.and_then(|counter| Some((counter, self.limit(client, counter)?)));
        Some(Admission::new(self.rates.clone(), gates.into_iter().collect(), per_user))
    }

    /// What holds for a client: its own limit, else the platform's.
    fn limit(&self, client: &ClientRecord, counter: RateCounter) -> Option<u32> {
        client.limits.get(&counter).copied().or_else(|| self.settings.rates.of(counter))
    }

    /// A place for one more stream of a client.
    ///
    /// # Errors
    /// 429 with the number where it holds as many open as it may.
    pub fn stream(&self, client: &ClientId) -> Result<Option<StreamPlace>, Problem> {
        let most = self.settings.streams;
        if !self.are_enforced || most == 0 {
            return Ok(None);
        }
        let mut streams = self.streams.lock();
        let open = streams.entry(client.clone()).or_default();
        if *open >= most {
            let detail =
                format!("{open} event streams of this client are open, and {most} may be; close some, or poll the job");
            return Err(Problem::new(ProblemCode::RateLimited, detail).retry_after(STREAM_AGAIN));
        }
        *open += 1;
        drop(streams);
        Ok(Some(StreamPlace { client: client.clone(), streams: Arc::clone(&self.streams) }))
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.streams.lock();
        if let Some(open) = streams.get_mut(&self.client) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                streams.remove(&self.client);
            }
        }
    }
}
