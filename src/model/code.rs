//! The stable codes a job can end with: a client's program branches on these, so a code is never renamed.

use serde::{Deserialize, Serialize};

/// Why a job failed, in one word that never changes (`api.md`, “Job codes”).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobCode {
    /// The component's bytes could not be had from its source.
    AddonFetchFailed,
    /// The bytes are not those that were named.
    DigestMismatch,
    /// An admin blocked this addon, version or key.
    AddonBlocked,
    /// The addon crashed too often for this user.
    AddonQuarantined,
    /// The addon or version is not in the registry.
    AddonUnknown,
    /// The addon is not enabled for this user.
    AddonNotEnabled,
    /// A signature is required and there is none.
    SignatureMissing,
    /// The signature does not fit.
    SignatureInvalid,
    /// The component has no section `semantest:manifest`.
    ManifestMissing,
    /// The manifest breaks its rules.
    ManifestInvalid,
    /// The bytes are a core module, precompiled code or something else.
    NotAComponent,
    /// The bytes do not validate as a component.
    ComponentInvalid,
    /// The component, or a part of it, is larger than allowed.
    TooLarge,
    /// An import that no declared capability covers.
    ImportNotDeclared,
    /// An import that this host never offers, or does not offer yet.
    ImportForbidden,
    /// The manifest promises an export that is not there.
    ExportMissing,
    /// The component needs a contract that this host does not implement.
    ContractUnsupported,
    /// One of the three keys says no to an interface that the component imports.
    NotGranted,
    /// The settings do not fit the addon's schema.
    ConfigInvalid,
    /// A required secret is not set.
    SecretMissing,
    /// The component could not be compiled.
    CompileFailed,
    /// Compiling the component needs more memory than it may have.
    CompileOutOfMemory,
    /// Compiling the component needs more time than it may have.
    CompileOutOfTime,
    /// The component's compiled code is larger than it may be.
    CompileTooLarge,
    /// The addon's own `activate` refused or failed.
    ActivateFailed,
    /// The addon's own `migrate` refused or failed.
    MigrateFailed,
    /// The addon says that the caller's input is wrong.
    AddonBadInput,
    /// The addon refused on purpose.
    AddonRefused,
    /// The addon failed and says that trying again is useless, or tries ran out.
    AddonFailed,
    /// The addon's answer does not fit the schema it declared.
    AddonResultInvalid,
    /// The guest trapped.
    AddonTrapped,
    /// The guest used more processor time than it may.
    CpuLimit,
    /// The guest asked for more memory, tables or instances than it may.
    MemoryLimit,
    /// The call or the job took longer than it may.
    DeadlineExceeded,
    /// The guest returned or logged more than it may.
    OutputLimit,
    /// The guest asked for an address that it may not reach.
    EgressDenied,
    /// The receiver of a webhook is not one that this server may call.
    DeliveryRefused,
    /// The receiver of a webhook is gone, or took none of the tries.
    DeliveryFailed,
    /// A quota ran out.
    QuotaExceeded,
    /// A hook stopped the request.
    BlockedByAddon,
    /// A hook that the request has to pass failed too often and is not asked for a while.
    HookUnavailable,
    /// The image provider failed.
    ProviderFailed,
    /// The image provider refused the request.
    ProviderRefused,
    /// No image provider can take the request now.
    ProviderUnavailable,
    /// Somebody cancelled the job.
    Cancelled,
    /// The job's worker vanished too often.
    WorkerLost,
    /// The ticket's data cannot be read.
    TicketInvalid,
    /// A fault of ours.
    Internal,
}

impl JobCode {
    /// Every code there is.
    pub const ALL: [Self; 48] = [
        Self::AddonFetchFailed,
        Self::DigestMismatch,
        Self::AddonBlocked,
        Self::AddonQuarantined,
        Self::AddonUnknown,
        Self::AddonNotEnabled,
        Self::SignatureMissing,
        Self::SignatureInvalid,
        Self::ManifestMissing,
        Self::ManifestInvalid,
        Self::NotAComponent,
        Self::ComponentInvalid,
        Self::TooLarge,
        Self::ImportNotDeclared,
        Self::ImportForbidden,
        Self::ExportMissing,
        Self::ContractUnsupported,
        Self::NotGranted,
        Self::ConfigInvalid,
        Self::SecretMissing,
        Self::CompileFailed,
        Self::CompileOutOfMemory,
        Self::CompileOutOfTime,
        Self::CompileTooLarge,
        Self::ActivateFailed,
        Self::MigrateFailed,
        Self::AddonBadInput,
        Self::AddonRefused,
        Self::AddonFailed,
        Self::AddonResultInvalid,
        Self::AddonTrapped,
        Self::CpuLimit,
        Self::MemoryLimit,
        Self::DeadlineExceeded,
        Self::OutputLimit,
        Self::EgressDenied,
        Self::DeliveryRefused,
        Self::DeliveryFailed,
        Self::QuotaExceeded,
        Self::BlockedByAddon,
        Self::HookUnavailable,
        Self::ProviderFailed,
        Self::ProviderRefused,
        Self::ProviderUnavailable,
        Self::Cancelled,
        Self::WorkerLost,
        Self::TicketInvalid,
        Self::Internal,
    ];

    /// The code as it is written outside, such as `DIGEST_MISMATCH`.
    #[must_use]
    pub fn as_str(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(text)) => text,
            _ => String::from("INTERNAL"),
        }
    }

    /// Reads a code back; an unknown one is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
    }
}

impl std::fmt::Display for JobCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_the_contract_writes_them() {
        for (code, text) in [
            (JobCode::DigestMismatch, "DIGEST_MISMATCH"),
            (JobCode::NotAComponent, "NOT_A_COMPONENT"),
            (JobCode::CpuLimit, "CPU_LIMIT"),
            (JobCode::BlockedByAddon, "BLOCKED_BY_ADDON"),
        ] {
            assert_eq!(code.as_str(), text);
            assert_eq!(JobCode::parse(text), Some(code));
        }
    }
}
