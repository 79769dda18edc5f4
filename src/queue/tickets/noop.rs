//! The ticket of a job that does nothing.

use serde::{Deserialize, Serialize};

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Do nothing; the bench measures the road with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noop {}

impl Ticket for Noop {
    const KIND: JobKind = JobKind::Noop;
    const NAME: &'static str = "noop";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::AddonCalls;
}
