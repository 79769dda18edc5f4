//! `events`: what an addon announces, left as a job that tells whoever handles it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::addons::{CallScope, Lineage};
use crate::clock;
use crate::host::ports::{EventsPort, PortError, PortErrorKind};
use crate::model::id::{AddonId, JobId};
use crate::model::limit::Limit;
use crate::model::right::Rights;
use crate::model::started::MAX_HOPS;
use crate::model::usage::Use;
use crate::queue::tickets::dispatch::Emitted;
use crate::work::Work;

/// What one call may announce.
pub(super) struct CallEvents {
    work: Work,
    addon: AddonId,
    rights: Arc<Rights>,
    job: JobId,
    lineage: Lineage,
    traceparent: Option<String>,
    /// Most events of one call.
    most: u32,
    emitted: AtomicU32,
}

impl CallEvents {
    pub(super) fn new(work: Work, most: u32, scope: &CallScope<'_>) -> Self {
        Self {
            work,
            addon: scope.owner.addon.clone(),
            rights: Arc::clone(scope.rights),
            job: scope.context.job_id.clone(),
            lineage: scope.context.lineage.clone(),
            traceparent: scope.context.traceparent.clone(),
            most,
            emitted: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl EventsPort for CallEvents {
    async fn emit(&self, topic: &str, payload: Value) -> Result<(), PortError> {
        if let Some(denial) = self.rights.decide(&Use::Emit { topic: topic.to_owned() }).denial() {
            return Err(PortError::not_granted(&denial));
        }
        let hops = self.lineage.next_hop().ok_or_else(|| too_far(self.lineage.hops()))?;
        let reached = self.emitted.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if reached > self.most {
            let refusal = PortError::over_quota("the events of this call", reached.into(), self.most.into());
            return Err(refusal.of(Limit::Events));
        }
        let emitted = Emitted {
            addon_id: self.addon.to_string(),
            topic: topic.to_owned(),
            payload,
            number: self.lineage.count(format!("events {}", self.addon)),
            at_ms: clock::now_ms(),
            hops,
        };
        let left = self.work.announce_emitted(&self.job, emitted, self.traceparent.as_deref()).await;
        left.map_err(|error| {
            tracing::warn!(error = %error, cause = ?error, "An addon's event could not be left");
            PortError::unavailable("the event cannot be announced right now")
        })
    }
}

/// Addons set each other off too often in a row.
fn too_far(hops: u32) -> PortError {
    let reached = hops.saturating_add(1);
    let message = format!(
        "this would be start {reached} in a row by addons, {MAX_HOPS} are allowed; announce nothing in answer to what \
         addons announced"
    );
    let details = json!({ "limit": Limit::Hops, "reached": reached, "allowed": MAX_HOPS });
    PortError { details: Some(details), ..PortError::new(PortErrorKind::Refused, "too-many-hops", message) }
}
