//! The ticket of a sweep.

use serde::{Deserialize, Serialize};

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Sweep what a dead worker left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upkeep {}

impl Ticket for Upkeep {
    const KIND: JobKind = JobKind::Upkeep;
    const NAME: &'static str = "upkeep";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Upkeep;
}
