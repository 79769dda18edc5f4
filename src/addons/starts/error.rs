//! Why an addon's start is refused.

use std::time::Duration;

use crate::addons::error::Fault;
use crate::store::StoreError;
use crate::work::WorkError;

/// Why nothing was started, or why what was started cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The starts in a row would be too many.
    #[error("addons started {} jobs in a row to get here, and the next one is refused: end the chain", .allowed)]
    TooDeep {
        /// What it would have come to.
        reached: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// The day's credits do not suffice.
    #[error("the pictures of this day would come to {reached} credits, {allowed} are allowed")]
    NoCredit {
        /// What it would have come to.
        reached: u64,
        /// How many are allowed.
        allowed: u64,
        /// When the next day begins.
        refills_in: Duration,
    },
    /// Too many of the addon's jobs wait.
    #[error("{reached} of the addon's jobs would wait for this user, {allowed} may")]
    TooManyWaiting {
        /// What it would have come to.
        reached: u64,
        /// How many are allowed.
        allowed: u64,
    },
    /// The delay is too long.
    #[error("a delay of {} ms was asked for, at most {} ms are allowed", .reached.as_millis(), .allowed.as_millis())]
    DelayTooLong {
        /// What was asked for.
        reached: Duration,
        /// How long it may be.
        allowed: Duration,
    },
    /// The manifest has no such action.
    #[error("the manifest has no action `{name}`; it has: {known}")]
    UnknownAction {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The request, or the parameters, do not fit.
    #[error("{what}: {}", in_words(faults))]
    Faulty {
        /// What does not fit.
        what: &'static str,
        /// Everything that is wrong with it.
        faults: Vec<Fault>,
    },
    /// This enablement started no such thing.
    #[error("this addon started no `{id}` for this user")]
    Missing {
        /// The name.
        id: String,
    },
    /// Redis holds no usable record.
    #[error("reading or writing a record")]
    Store(#[from] StoreError),
    /// No job could be made.
    #[error("asking for work")]
    Work(#[from] WorkError),
}

fn in_words(faults: &[Fault]) -> String {
    let each = |fault: &Fault| format!("`{}` {}", fault.pointer, fault.message);
    faults.iter().map(each).collect::<Vec<_>>().join("; ")
}
