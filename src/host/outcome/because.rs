//! When a refused request is the reason that a guest failed.

use crate::host::outcome::CallFailure;
use crate::host::ports::PortErrorKind;
use crate::host::refused::Refused;
use crate::model::egress::EgressFault;

impl CallFailure {
    /// The same failure, seen as a consequence of a refusal, where the guest's newest request was refused and the guest
    /// then failed. What it judged on purpose stays its own judgement: bad input, a refusal, a cancellation.
    pub(in crate::host) fn because_of(self, refusal: Option<EgressFault>) -> Self {
        let Some((fault, code)) = refusal.and_then(|fault| fault.refusal().map(|code| (fault, code))) else {
            return self;
        };
        let addon_code = match &self {
            Self::Trapped { .. } => None,
            Self::Exited { status } if *status != 0 => None,
            Self::Reported(error) => match error.kind {
                PortErrorKind::Transient
                | PortErrorKind::Permanent
                | PortErrorKind::NotGranted
                | PortErrorKind::OverQuota
                | PortErrorKind::Missing
                | PortErrorKind::TooLarge
                | PortErrorKind::Unavailable => Some(error.code.to_string()),
                PortErrorKind::BadInput | PortErrorKind::Refused | PortErrorKind::Cancelled => return self,
            },
            Self::Exited { .. }
            | Self::CpuLimit { .. }
            | Self::MemoryLimit { .. }
            | Self::DeadlineExceeded { .. }
            | Self::NoRoom { .. }
            | Self::Blocked
            | Self::Cancelled
            | Self::OutputLimit { .. }
            | Self::OverLimit(_)
            | Self::ResultInvalid { .. }
            | Self::ExportMissing { .. }
            | Self::Refused(_)
            | Self::Internal { .. } => return self,
        };
        let ending = match &self {
            Self::Reported(error) => error.message.clone(),
            other => other.to_string(),
        };
        Self::Refused(Box::new(Refused { fault, code, ending, addon_code, is_crash: self.is_crash() }))
    }
}
