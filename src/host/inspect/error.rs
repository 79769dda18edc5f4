//! Why a component is refused: a code for programs, a sentence for people, facts for both.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::host::inspect::kind::BinaryKind;
use crate::model::capability::CapabilityKind;
use crate::model::code::JobCode;
use crate::model::contract::HOST_CONTRACT;
use crate::model::disposition::Disposition;
use crate::model::manifest::ManifestError;

/// Why a component is refused before any of its code runs.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file, or something in it, is larger or more than allowed.
    #[error("{what}: {found}, at most {limit} allowed")]
    TooLarge {
        /// What was counted, such as `bytes of the file`.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The bytes are something else.
    #[error("this is not a component but {found}; {}", .found.advice())]
    NotAComponent {
        /// What they are.
        found: BinaryKind,
    },
    /// A component that breaks the rules of the format, or uses proposals that this host does not run.
    #[error("the component does not validate at byte {offset}: {reason}")]
    Invalid {
        /// Where.
        offset: usize,
        /// What the validator says.
        reason: String,
        /// Its own error.
        #[source]
        source: wasmparser::BinaryReaderError,
    },
    /// There is no manifest in it.
    #[error("the component carries no manifest; `semantest addon build` and `semantest addon pack` embed it")]
    ManifestMissing,
    /// The manifest breaks the rules.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    /// It was made for another contract than this host's.
    #[error("{subject} needs the contract {wanted}; this host implements {HOST_CONTRACT}")]
    ContractUnsupported {
        /// What needs it: the import or export, or the manifest.
        subject: String,
        /// The version or range.
        wanted: String,
    },
    /// Imports that nothing in this host answers.
    #[error("forbidden imports: {}", list(.imports, |import| format!("`{}` ({})", import.name, import.reason)))]
    ImportForbidden {
        /// Each of them, at least one.
        imports: Vec<ForbiddenImport>,
    },
    /// Imports whose capability the manifest does not ask for.
    #[error("imports that the manifest does not declare: {}",
        list(.imports, |import| format!("`{}` needs the capability `{}`", import.name, import.capability.as_str())))]
    ImportNotDeclared {
        /// Each of them, at least one.
        imports: Vec<UndeclaredImport>,
    },
    /// A schedule that comes more often than this host lets it.
    #[error(
        "the schedule `{schedule}` comes again after {} s, at least {} s are required; give its cron expression fewer times",
        .reached.as_secs_f64(), .allowed.as_secs_f64()
    )]
    ScheduleTooFrequent {
        /// Its name.
        schedule: String,
        /// The shortest gap that was found.
        reached: Duration,
        /// The shortest gap that may be.
        allowed: Duration,
    },
    /// Exports that the manifest promises, or that are there in part.
    #[error("missing exports: {}", list(.exports, MissingExport::sentence))]
    ExportMissing {
        /// Each of them, at least one.
        exports: Vec<MissingExport>,
    },
}

/// An import that nothing in this host answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForbiddenImport {
    /// Its full name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// An import whose capability is not in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UndeclaredImport {
    /// Its full name.
    pub name: String,
    /// The capability to declare.
    pub capability: CapabilityKind,
}

/// An export that is not there, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingExport {
    /// The interface, such as `actions`.
    pub interface: String,
    /// The functions that it lacks; none when the whole interface is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<&'static str>,
}

impl MissingExport {
    fn sentence(&self) -> String {
        if self.functions.is_empty() {
            format!("`semantest:addon/{}`, which the manifest promises", self.interface)
        } else {
            format!("`{}` of `semantest:addon/{}`", self.functions.join("`, `"), self.interface)
        }
    }
}

fn list<T>(items: &[T], sentence: impl Fn(&T) -> String) -> String {
    items.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

impl InspectError {
    /// The stable code that the job ends with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::TooLarge { .. } => JobCode::TooLarge,
            Self::NotAComponent { .. } => JobCode::NotAComponent,
            Self::Invalid { .. } => JobCode::ComponentInvalid,
            Self::ManifestMissing => JobCode::ManifestMissing,
            Self::ManifestInvalid(_) | Self::ScheduleTooFrequent { .. } => JobCode::ManifestInvalid,
            Self::ContractUnsupported { .. } => JobCode::ContractUnsupported,
            Self::ImportForbidden { .. } => JobCode::ImportForbidden,
            Self::ImportNotDeclared { .. } => JobCode::ImportNotDeclared,
            Self::ExportMissing { .. } => JobCode::ExportMissing,
        }
    }

    /// The load job's step that this belongs to.
    #[must_use]
    pub const fn step(&self) -> &'static str {
        match self {
            Self::ManifestMissing | Self::ManifestInvalid(_) => "manifest",
            Self::TooLarge { .. }
            | Self::NotAComponent { .. }
            | Self::Invalid { .. }
            | Self::ContractUnsupported { .. }
            | Self::ImportForbidden { .. }
            | Self::ImportNotDeclared { .. }
            | Self::ScheduleTooFrequent { .. }
            | Self::ExportMissing { .. } => "inspect",
        }
    }

    /// The same bytes will always be refused.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        Disposition::GiveUp
    }

    /// The facts as JSON, for a program that repairs what is wrong.
    #[must_use]
    pub fn details(&self) -> Value {
        match self {
            Self::TooLarge { what, found, limit } => json!({ "what": what, "found": found, "limit": limit }),
            Self::NotAComponent { found } => json!({ "found": found.to_string() }),
            Self::Invalid { offset, reason, .. } => json!({ "offset": offset, "reason": reason }),
            Self::ManifestMissing => json!({}),
            Self::ManifestInvalid(error) => json!({ "faults": error.faults }),
            Self::ContractUnsupported { subject, wanted } => {
                json!({ "subject": subject, "wanted": wanted, "offered": HOST_CONTRACT.to_string() })
            }
            Self::ImportForbidden { imports } => json!({ "imports": imports }),
            Self::ImportNotDeclared { imports } => json!({ "imports": imports }),
            Self::ScheduleTooFrequent { schedule, reached, allowed } => {
                let millis = |span: &Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                json!({ "schedule": schedule, "reachedMs": millis(reached), "allowedMs": millis(allowed) })
            }
            Self::ExportMissing { exports } => json!({ "exports": exports }),
        }
    }
}
