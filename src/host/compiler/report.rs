//! The line of JSON that the child says before the code: how it went, and what it took.

use serde::{Deserialize, Serialize};

use crate::host::compiler::wall::Wall;

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// The code follows.
    Compiled,
    /// The compiler refuses the component.
    Refused {
        /// In its own words.
        reason: String,
    },
    /// The address space ran out.
    OutOfMemory,
    /// The child could not be shut in as ordered, and read nothing.
    Unconfined {
        /// Why.
        reason: String,
    },
    /// The compiler broke down.
    Broken {
        /// How.
        reason: String,
    },
}

/// The child's one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// How it went.
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    /// What kept the network out.
    pub(super) wall: Wall,
    /// The fingerprint of its engine, as hexadecimal digits.
    pub(super) fingerprint: String,
    /// Processor time of all threads, in milliseconds.
    pub(super) cpu_ms: u64,
    /// Most memory at once, in bytes; 0 where the system does not say.
    pub(super) peak_memory_bytes: u64,
}

/// Splits what the child wrote into its line and the code behind it.
pub(super) fn split(output: &[u8]) -> Option<(Report, usize)> {
    let length = output.iter().position(|byte| *byte == b'\n')?;
    let report = serde_json::from_slice(output.get(..length)?).ok()?;
    Some((report, length.saturating_add(1)))
}
