//! What a provider is, what it is given, and what it gives back.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::egress::EgressSettings;
use crate::config::imaging::{Price, ProviderSettings};
use crate::imaging::error::{BuildError, Misfit, ProviderError};
use crate::imaging::sniff::{Caps, Format};
use crate::imaging::spend::Account;
use crate::model::id::JobId;
use crate::model::image::ImageRequest;
use crate::model::job_error::JobError;
use crate::net::{Client, ClientLimits, NetError, Policy, Purpose};

/// Something that makes pictures from a request.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What has to be configured before the provider can be asked; `None` when it is ready.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Whether the provider can do `request`, judged without asking anybody.
    ///
    /// # Errors
    /// [`Misfit`] says which wish cannot be met.
    fn check(&self, request: &ImageRequest) -> Result<(), Misfit>;

    /// Makes the pictures. Dropping the future drops whatever runs for it; `cx.cancel` is for work that a drop
    /// does not reach.
    ///
    /// # Errors
    /// [`ProviderError`], with its own verdict on trying again.
    async fn generate(&self, request: &ImageRequest, cx: &GenerateContext) -> Result<Drawn, ProviderError>;
}

/// The addons of one user that draw, found by their providers' names (`addon:<addonId>`).
#[async_trait]
pub trait AddonProviders: std::fmt::Debug + Send + Sync {
    /// The provider that an addon is; none where the user has no such addon, or it does not draw.
    ///
    /// # Errors
    /// [`JobError`] when that cannot be found out now.
    async fn find(&self, name: &str) -> Result<Option<AddonProvider>, JobError>;
}

/// An addon that draws.
pub struct AddonProvider {
    /// What asks it.
    pub provider: Arc<dyn Provider>,
    /// What its pictures cost.
    pub prices: Vec<Price>,
}

/// The circumstances of one request.
#[derive(Clone, Debug)]
pub struct GenerateContext {
    /// Fires when the job is cancelled or its lock is lost.
    pub cancel: CancellationToken,
    /// The job that asks; the same over its attempts.
    pub job_id: JobId,
    /// Whether this is `semantest dev`, where a name without a key is answered by `sketch`.
    pub is_dev: bool,
    /// A pseudonym of client and user (an HMAC), for providers that want to know who misbehaves.
    pub user_tag: String,
    /// Who pays; none where nobody counts.
    pub account: Option<Account>,
    /// The user's addons that draw; none where nobody's addons may.
    pub addons: Option<Arc<dyn AddonProviders>>,
}

/// One picture as the provider made it: its bytes are never re-encoded, so that provenance inside them survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub bytes: Bytes,
    /// What the bytes are, found by looking at them.
    pub format: Format,
    /// The format's media type, such as `image/png`.
    pub media_type: &'static str,
    /// Pixels from left to right, from the file's header.
    pub width: u32,
    /// Pixels from top to bottom, from the file's header.
    pub height: u32,
    /// The prompt as the provider rewrote it.
    pub revised_prompt: Option<String>,
    /// The seed that makes this picture again, where the provider has such a thing.
    pub seed: Option<u64>,
    /// The model that made it.
    pub model: String,
}

/// What a provider answers.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// One to four pictures.
    pub pictures: Vec<Picture>,
    /// The model that made them.
    pub model: String,
    /// What the asker should know: wishes that were not met, what kind of picture this is.
    pub notes: Vec<String>,
}

/// Makes a provider from its settings; the first argument is the provider's name.
pub type Build = fn(&str, &ProviderSettings, &Parts) -> Result<Arc<dyn Provider>, BuildError>;

/// A kind of provider, as `[imaging.providers.<name>] kind` names it.
#[derive(Debug)]
pub struct Kind {
    /// The kind's name.
    pub name: &'static str,
    /// Makes a provider of this kind from its settings.
    pub build: Build,
}

/// What the house hands to every provider it builds.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where the platform may connect to.
    pub egress: EgressSettings,
    /// Whether the machine itself may be reached: so in `dev`.
    pub is_loopback_allowed: bool,
    /// What a picture may weigh.
    pub caps: Caps,
}

impl Parts {
    /// The way to the server at `base`, wherever the admin's settings say that it is, and to the addresses that its
    /// answers name, as far as those of strangers may be reached.
    ///
    /// # Errors
    /// [`NetError::Setup`] when TLS cannot be set up.
    pub fn client(&self, base: &Url) -> Result<Client, NetError> {
        let policy = Policy::new(&self.egress, Purpose::Providers, self.is_loopback_allowed).granting(base);
        Client::new(policy, ClientLimits::default())
    }
}
