//! A guest that failed because a request of it was refused: the refusal is the reason, whatever the guest made of it.

use std::fmt;

use crate::model::code::JobCode;
use crate::model::egress::EgressFault;

/// A refusal, and how the guest ended after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why the newest request was refused.
    pub fault: EgressFault,
    /// The job's code for it.
    pub code: JobCode,
    /// What the guest itself said or did.
    pub ending: String,
    /// The author's own code, where the guest answered with one.
    pub addon_code: Option<String>,
    /// Whether the guest broke instead of answering.
    pub is_crash: bool,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a request of the addon was refused ({}), and it failed: {}", self.fault, self.ending)
    }
}

impl std::error::Error for Refused {}
