//! What one call may start, from what is known of the call.

use std::sync::Arc;

use crate::addons::Inner;
use crate::addons::running::{CallContext, Running};
use crate::addons::starts::{Starter, Starts};
use crate::host::Export;

impl Inner {
    /// What a call of `export` may start in this job.
    pub(in crate::addons) fn starts(&self, running: &Running, context: &CallContext, export: Export) -> Starts {
        let starter = Starter {
            owner: running.owner.clone(),
            enablement: running.enablement.id(),
            edition: Arc::clone(&running.edition),
            job: context.job_id.clone(),
            lineage: context.lineage.clone(),
            place: export.as_str(),
            traceparent: context.traceparent.clone(),
            usage: context.usage.clone(),
        };
        Starts { starting: self.starting.clone(), starter }
    }
}
