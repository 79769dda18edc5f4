//! Leaving many tickets in one trip.
//!
//! BullMQ adds one job a script call; most of such a call's cost is not the
//! job. This script does for a batch what BullMQ 6.7 (`addStandardJob-9.lua`,
//! `addPrioritizedJob-9.lua`) does for one job without delay, parent, schedule
//! or deduplication: the same keys, fields, events and marker. A test adds the
//! same jobs both ways and compares everything that is left in Redis.

use std::borrow::Cow;
use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};
use serde_json::{Value, json};

use crate::clock;
use crate::queue::producer::{AddOptions, Producer, check_id, millis};
use crate::queue::{Lane, QueueError, Ticket};

/// Keys: marker, meta, id counter, prioritized, wait, active, events, priority counter.
/// Arguments: the key prefix of jobs, the time, then for each job its id, name, data, options and priority.
static ADD_MANY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("add_many.lua")));
/// Arguments of the script that each job has.
const ARGUMENTS: usize = 5;

/// A ticket that is ready to be left: written, checked, and named.
#[derive(Clone, Debug)]
pub struct ReadyTicket {
    lane: Lane,
    id: String,
    name: &'static str,
    data: String,
    options: String,
    priority: u32,
}

/// A ticket and the number by which its queue sorts it.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    ticket: &'a ReadyTicket,
    priority: u32,
}

impl ReadyTicket {
    /// With the number that its options said.
    #[must_use]
    pub const fn placed(&self) -> Placed<'_> {
        Placed { ticket: self, priority: self.priority }
    }

    /// With another number, which was not known when its options were written.
    #[must_use]
    pub const fn at(&self, priority: u32) -> Placed<'_> {
        Placed { ticket: self, priority }
    }
}

impl Placed<'_> {
    /// The options as BullMQ keeps them: with the number, where there is one.
    fn options(&self) -> Cow<'_, str> {
        let options = &self.ticket.options;
        match options.strip_suffix('}') {
            Some(members) if self.priority > 0 => format!("{members},\"priority\":{}}}", self.priority).into(),
            Some(_) | None => options.as_str().into(),
        }
    }
}

impl Producer {
    /// Makes a ticket ready to be left under `id`; `options.delay` does not count here.
    ///
    /// # Errors
    /// [`QueueError::Id`] and [`QueueError::Encode`].
    pub fn ready<T: Ticket>(&self, id: &str, ticket: &T, options: &AddOptions) -> Result<ReadyTicket, QueueError> {
        check_id(id)?;
        Ok(ReadyTicket {
            lane: T::LANE,
            id: id.to_owned(),
            name: T::NAME,
            data: data(ticket, options)?,
            options: self.written_options(T::LANE, id, options)?,
            priority: options.priority,
        })
    }

    /// Leaves tickets, in one round trip for each lane that is among them.
    ///
    /// An id that the queue still keeps, finished jobs included, is not added again: asking twice is asking once.
    ///
    /// # Errors
    /// [`QueueError`]; after [`QueueError::Unavailable`] any of the jobs may or may not be there, and asking again is safe.
    pub async fn add_many(&self, tickets: &[Placed<'_>]) -> Result<(), QueueError> {
        for lane in Lane::ALL {
            let of_lane: Vec<Placed<'_>> =
                tickets.iter().copied().filter(|placed| placed.ticket.lane == lane).collect();
            if of_lane.is_empty() {
                continue;
            }
            let invocation = self.invocation(lane, &of_lane);
            let invocation = &invocation;
            self.sessions()
                .with(|session| async move {
                    invocation.invoke_async::<()>(&mut session.redis()).await?;
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    fn invocation(&self, lane: Lane, tickets: &[Placed<'_>]) -> ScriptInvocation<'static> {
        let keys = self.keys(lane);
        let mut invocation = ADD_MANY.prepare_invoke();
        for key in [keys.marker(), keys.meta(), keys.id(), keys.prioritized()] {
            invocation.key(key);
        }
        for key in [keys.wait(), keys.active(), keys.events(), keys.pc()] {
            invocation.key(key);
        }
        invocation.arg(keys.key_prefix()).arg(clock::now_ms()).arg(ARGUMENTS);
        for placed in tickets {
            let ticket = placed.ticket;
            let options = placed.options();
            invocation.arg(&ticket.id).arg(ticket.name).arg(&ticket.data).arg(&*options).arg(placed.priority);
        }
        invocation
    }

    /// The job's options as BullMQ keeps them, the same that [`Producer::job_options`] says, still without a priority.
    fn written_options(&self, lane: Lane, id: &str, options: &AddOptions) -> Result<String, QueueError> {
        let settings = lane.settings(&self.settings);
        let written = json!({
            "attempts": options.attempts.unwrap_or(settings.attempts),
            "backoff": { "type": "exponential", "delay": settings.backoff.as_millis() },
            "jobId": id,
        });
        Ok(serde_json::to_string(&written)?)
    }
}

/// The payload, with the timeout that its caller asked for.
fn data<T: Ticket>(ticket: &T, options: &AddOptions) -> Result<String, QueueError> {
    let Some(timeout) = options.timeout else { return Ok(serde_json::to_string(ticket)?) };
    let mut data = serde_json::to_value(ticket)?;
    if let Value::Object(members) = &mut data {
        members.insert(String::from("timeoutMs"), json!(millis(timeout)));
    }
    Ok(serde_json::to_string(&data)?)
}
