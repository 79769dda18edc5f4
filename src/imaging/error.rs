//! What can go wrong on the way to a picture, and whether trying again helps.

use std::time::Duration;

use serde_json::json;

use crate::config::secret::SecretError;
use crate::imaging::overspent::Overspent;
use crate::imaging::sniff::SniffError;
use crate::model::code::JobCode;
use crate::model::disposition::{Disposition, clamp_retry_after};
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::net::NetError;
use crate::store::StoreError;

/// Why a request brought no pictures.
#[derive(Debug, thiserror::Error)]
pub enum ImagingError {
    /// Nobody has this name.
    #[error("there is no image provider `{name}`; known here: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Every name that would have worked.
        known: String,
    },
    /// The name is an addon's, and it does not draw for this user.
    #[error(
        "`{name}` does not draw for this user: enable an addon of that name that is an image provider, or ask for \
         `automatic` or a configured provider"
    )]
    AddonProvider {
        /// What was asked for.
        name: String,
    },
    /// The name is an addon's, and whether it draws cannot be found out.
    #[error("the image provider `{name}` cannot be looked up: {source}")]
    AddonUnknown {
        /// What was asked for.
        name: String,
        /// What happened.
        source: Box<JobError>,
    },
    /// The provider exists and lacks something.
    #[error("the image provider `{name}` is not ready: {cure}")]
    NotReady {
        /// The provider.
        name: String,
        /// What to configure.
        cure: String,
    },
    /// The provider that was named cannot do this.
    #[error("the image provider `{name}` cannot do this request")]
    Misfit {
        /// The provider.
        name: String,
        /// The wish that cannot be met.
        #[source]
        source: Misfit,
    },
    /// `automatic` found nobody.
    #[error("no configured image provider can do this request: {reasons}")]
    NobodyCan {
        /// Each provider, and why not.
        reasons: String,
    },
    /// The provider was asked and did not deliver.
    #[error("the image provider `{name}` did not deliver")]
    Provider {
        /// The provider.
        name: String,
        /// What happened.
        #[source]
        source: ProviderError,
    },
    /// The client, or its user, would spend more than it may.
    #[error("{0}")]
    Overspent(Overspent),
    /// What it costs could not be counted, so nobody was asked.
    #[error("counting what the picture costs")]
    Ledger(#[source] StoreError),
    /// The job was cancelled meanwhile.
    #[error("cancelled while the picture was made")]
    Cancelled,
}

impl ImagingError {
    /// The code that the job ends with.
    #[must_use]
    pub fn code(&self) -> JobCode {
        match self {
            Self::Unknown { .. } | Self::AddonProvider { .. } | Self::NotReady { .. } | Self::NobodyCan { .. } => {
                JobCode::ProviderUnavailable
            }
            Self::AddonUnknown { source, .. } => source.failure.code,
            Self::Misfit { .. } => JobCode::ProviderRefused,
            Self::Overspent(_) => JobCode::QuotaExceeded,
            Self::Ledger(_) => JobCode::Internal,
            Self::Provider { source, .. } => source.code(),
            Self::Cancelled => JobCode::Cancelled,
        }
    }

    /// Whether trying again helps.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unknown { .. }
            | Self::AddonProvider { .. }
            | Self::NotReady { .. }
            | Self::Misfit { .. }
            | Self::NobodyCan { .. }
            | Self::Overspent(_)
            | Self::Cancelled => Disposition::GiveUp,
            Self::Ledger(source) => source.disposition(),
            Self::AddonUnknown { source, .. } => source.disposition,
            Self::Provider { source, .. } => source.disposition(),
        }
    }
}

impl ImagingError {
    /// The error in one line, as the client may read it.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            Self::Misfit { source, .. } => format!("{self}: {source}"),
            Self::Provider { source: ProviderError::NotAPicture { source }, .. } => {
                format!("{self}: what it sent is not a picture we take: {source}")
            }
            // The fault on our own side is for the log.
            Self::Provider { source: ProviderError::Internal(_), .. } => self.to_string(),
            Self::Provider { source, .. } => format!("{self}: {source}"),
            Self::Unknown { .. }
            | Self::AddonProvider { .. }
            | Self::AddonUnknown { .. }
            | Self::NotReady { .. }
            | Self::NobodyCan { .. }
            | Self::Overspent(_)
            | Self::Ledger(_)
            | Self::Cancelled => self.to_string(),
        }
    }
}

impl From<ImagingError> for JobError {
    fn from(error: ImagingError) -> Self {
        let disposition = error.disposition();
        let mut failure = Failure {
            retryable: disposition.is_retryable(),
            ..Failure::permanent(error.code(), error.public_message())
        };
        if let ImagingError::Overspent(over) = &error {
            // Not by itself: whoever asked is told when, and decides.
            failure.retryable = true;
            failure.retry_at = Some(over.until);
            failure.details = Some(json!({ "unit": "usdMicros", "reached": over.reached, "allowed": over.allowed }));
        }
        if let ImagingError::Provider { source: ProviderError::Addon { error: own }, .. } = &error {
            failure.addon_code.clone_from(&own.failure.addon_code);
            failure.details = Some(json!({ "code": own.failure.code, "details": own.failure.details }));
        }
        Self { failure, disposition }
    }
}

/// A wish that a provider cannot meet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(pub String);

/// What happened while a provider was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider's rules forbid the picture.
    #[error("it refused the prompt (`{reason}`)")]
    Refused {
        /// The provider's own code for why.
        reason: String,
    },
    /// Too many requests.
    #[error("it asks to slow down")]
    SlowDown {
        /// How long the provider wants to be left alone.
        after: Option<Duration>,
    },
    /// The provider's account is used up.
    #[error("its account has no credit left")]
    NoCredit,
    /// The key is wrong, or may not do this. What the server says about it is left out: it quotes the key.
    #[error("it does not accept the configured key (status {status})")]
    KeyRefused {
        /// 401 or 403.
        status: u16,
    },
    /// The provider has trouble of its own.
    #[error("it has trouble (status {status})")]
    Trouble {
        /// The status.
        status: u16,
        /// How long the provider wants to be left alone.
        after: Option<Duration>,
    },
    /// The provider does not understand the request.
    #[error("it does not accept the request (status {status}): {message}")]
    BadRequest {
        /// The status.
        status: u16,
        /// What the provider says about it, cut.
        message: String,
    },
    /// The answer is not what the API promises. The provider may have charged for it, so it is not repeated.
    #[error("its answer cannot be used: {fault}")]
    Answer {
        /// What is wrong with it.
        fault: String,
    },
    /// What it sent as a picture is none that we take.
    #[error("what it sent is not a picture we take")]
    NotAPicture {
        /// What is wrong with it.
        #[from]
        source: SniffError,
    },
    /// The request or the fetch of its picture did not come through.
    #[error("{what} did not come through: {}", source.public_message())]
    Http {
        /// Which request.
        what: &'static str,
        /// What happened; for the log.
        #[source]
        source: NetError,
    },
    /// The job was cancelled meanwhile.
    #[error("cancelled")]
    Cancelled,
    /// A fault of ours.
    #[error("drawing failed on our side: {0}")]
    Internal(String),
    /// The addon that draws did not, or could not be asked.
    #[error("{}", .error.failure.message)]
    Addon {
        /// How its call ended.
        error: Box<JobError>,
    },
}

/// What an addon's own failure is for the one who asked for a picture.
const fn code_of_addon(code: JobCode) -> JobCode {
    match code {
        JobCode::AddonBadInput | JobCode::AddonRefused => JobCode::ProviderRefused,
        JobCode::AddonNotEnabled
        | JobCode::AddonBlocked
        | JobCode::AddonQuarantined
        | JobCode::NotGranted
        | JobCode::QuotaExceeded => JobCode::ProviderUnavailable,
        JobCode::Cancelled => JobCode::Cancelled,
        _ => JobCode::ProviderFailed,
    }
}

impl ProviderError {
    /// The code that the job ends with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::Refused { .. } => JobCode::ProviderRefused,
            Self::SlowDown { .. } | Self::NoCredit | Self::KeyRefused { .. } => JobCode::ProviderUnavailable,
            Self::Trouble { .. }
            | Self::BadRequest { .. }
            | Self::Answer { .. }
            | Self::NotAPicture { .. }
            | Self::Http { .. }
            | Self::Internal(_) => JobCode::ProviderFailed,
            Self::Cancelled => JobCode::Cancelled,
            Self::Addon { error } => code_of_addon(error.failure.code),
        }
    }

    /// Whether trying again helps.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Addon { error } => error.disposition,
            Self::SlowDown { after } | Self::Trouble { after, .. } => {
                after.map_or(Disposition::Retry, |wish| Disposition::RetryAfter(clamp_retry_after(wish)))
            }
            Self::Http { source, .. } => source.disposition(),
            Self::Refused { .. }
            | Self::NoCredit
            | Self::KeyRefused { .. }
            | Self::BadRequest { .. }
            | Self::Answer { .. }
            | Self::NotAPicture { .. }
            | Self::Cancelled
            | Self::Internal(_) => Disposition::GiveUp,
        }
    }
}

/// Why the providers could not be made from their settings; said at start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Nobody knows this kind.
    #[error("image provider `{name}`: there is no kind `{kind}`; there are: {known}")]
    UnknownKind {
        /// The provider.
        name: String,
        /// The kind that was written.
        kind: String,
        /// Every kind there is.
        known: String,
    },
    /// A setting that this kind does not have.
    #[error("image provider `{name}`: the kind `{kind}` has no setting `{setting}`")]
    NoSuchSetting {
        /// The provider.
        name: String,
        /// Its kind.
        kind: &'static str,
        /// The setting.
        setting: &'static str,
    },
    /// A setting that makes no sense.
    #[error("image provider `{name}`: `{setting}` {fault}")]
    BadSetting {
        /// The provider.
        name: String,
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// The way out cannot be set up.
    #[error("image provider `{name}`: its way to the network cannot be set up")]
    Net {
        /// The provider.
        name: String,
        /// What happened.
        #[source]
        source: NetError,
    },
    /// A name that would be ambiguous.
    #[error("the image provider name `{name}` {fault}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The order of `automatic` names somebody who does not exist.
    #[error("`imaging.default` names `{name}`, which is no image provider")]
    BadOrder {
        /// The name.
        name: String,
    },
    /// The key's file cannot be read.
    #[error("image provider `{name}`: no key")]
    Key {
        /// The provider.
        name: String,
        /// What happened.
        #[source]
        source: SecretError,
    },
}
