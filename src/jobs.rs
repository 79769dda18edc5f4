//! Jobs: a ticket in, a service call, an outcome out. One file a kind.
//!
//! `handler.rs` is the road that every job takes: our record first, then the
//! function here, then the record again, and only then the queue.

mod adopt;
mod batch;
mod deliver;
mod dispatch;
mod generate;
mod handle;
mod handler;
mod heard;
mod invoke;
mod load;
mod message;
mod publish;
mod reconfigure;
mod tick;
mod turns;
mod unload;
mod upkeep;

use std::sync::Arc;

use serde_json::Value;

use crate::addons::{Addons, CallContext, Owner};
use crate::imaging::Imaging;
use crate::imaging::gallery::Gallery;
use crate::imaging::spend::Spending;
use crate::model::code::JobCode;
use crate::model::id::{ClientId, UserId};
use crate::model::job_error::JobError;
use crate::ports::provider::Painters;
use crate::queue::{Delivery, Ticket, tickets};
use crate::store::jobs::JobRecord;
use crate::store::keys::Keys;
use crate::webhooks::Webhooks;
use crate::work::Work;

pub use handler::JobHandler;

/// What a job ends with: the value that its client reads, or why there is none.
pub type JobResult = Result<Value, JobError>;

/// Everything that jobs call. One per process.
pub struct Services {
    /// The desk: records and queues.
    pub work: Work,
    /// Addons.
    pub addons: Addons,
    /// Image providers.
    pub imaging: Imaging,
    /// What pictures cost whom.
    pub spending: Spending,
    /// Addons that draw.
    pub painters: Painters,
    /// Pictures that stay.
    pub gallery: Gallery,
    /// Deliveries.
    pub webhooks: Webhooks,
    /// Who has keys: the clients whose jobs upkeep looks after.
    pub keys: Keys,
    /// The client that foreign producers work for when they name none.
    pub default_client: ClientId,
    /// Whether conveniences for trying things out are on.
    pub is_dev: bool,
}

/// What one attempt of one job has at hand.
#[derive(Clone)]
pub struct JobCx {
    /// Everything it may call.
    pub services: Arc<Services>,
    /// Our record, as it was when the attempt began.
    pub record: Arc<JobRecord>,
    /// The ticket as it lies in the queue.
    pub delivery: Arc<Delivery>,
    /// The job's id, voice and cancel token, as calls of guests need them.
    pub call: CallContext,
}

impl JobCx {
    /// Reads the ticket.
    fn ticket<T: Ticket>(&self) -> Result<T, JobError> {
        read_ticket(&self.delivery)
    }

    /// The client's user that the job is for.
    fn user(&self) -> UserId {
        self.record.facts.user.clone().unwrap_or_else(UserId::fallback)
    }

    /// Whose enablement the job is about.
    fn owner(&self) -> Result<Owner, JobError> {
        let facts = &self.record.facts;
        let addon = facts.addon.clone();
        let addon = addon.ok_or_else(|| JobError::permanent(JobCode::TicketInvalid, "addonId: is missing"))?;
        Ok(Owner { client: facts.client.clone(), user: self.user(), addon })
    }
}

/// Reads a ticket; what cannot be read now cannot be read later either.
fn read_ticket<T: Ticket>(delivery: &Delivery) -> Result<T, JobError> {
    tickets::read(&delivery.data).map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))
}
