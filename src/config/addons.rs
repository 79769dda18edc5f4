//! Rules for addons: who is asked, who approves, where bytes may come from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::signatures::SignatureSettings;
use crate::model::units::{ByteSize, Span};

/// Whether a user must name the digest that they consent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentMode {
    /// An addon that asks for anything waits for `consent: "<digest>"`.
    #[default]
    Required,
    /// Consent left out means the digest that was resolved.
    Implied,
}

/// Who lets a published version into the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalMode {
    /// An admin approves each version.
    #[default]
    Manual,
    /// A version that verifies is approved.
    Auto,
}

/// When an addon that crashes is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuarantineSettings {
    /// How far back crashes count.
    pub window: Span,
    /// Crashes of one component for one user that pause it for that user; 0 for never.
    pub user_crashes: u32,
    /// Crashes of one component for several users together that pause it for everybody; 0 for never.
    pub everywhere_crashes: u32,
}

impl Default for QuarantineSettings {
    fn default() -> Self {
        Self { window: Span::secs(600), user_crashes: 3, everywhere_crashes: 10 }
    }
}

/// Rules for addons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddonSettings {
    /// Whether a user must name the digest that they consent to.
    pub consent: ConsentMode,
    /// Who lets a published version into the registry.
    pub approval: ApprovalMode,
    /// Whose signatures are asked for, and how strictly.
    pub signatures: SignatureSettings,
    /// When an addon that crashes is paused.
    pub quarantine: QuarantineSettings,
    /// Largest component, before anything of it is parsed.
    pub component_limit: ByteSize,
    /// Folders that an admin may publish from by path.
    pub path_roots: Vec<PathBuf>,
    /// Largest parameters of an action.
    pub params_limit: ByteSize,
}

impl Default for AddonSettings {
    fn default() -> Self {
        Self {
            consent: ConsentMode::Required,
            approval: ApprovalMode::Manual,
            signatures: SignatureSettings::default(),
            quarantine: QuarantineSettings::default(),
            component_limit: ByteSize::mib(4),
            path_roots: Vec::new(),
            params_limit: ByteSize::kib(256),
        }
    }
}
