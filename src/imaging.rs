//! Pictures: finds the provider that answers a request, asks it, and says what really happened.
//!
//! Names lead to providers in three ways: `automatic` takes the first of the configured order that is ready and can
//! do the request; a provider's own name takes exactly that one; an alias is translated into today's words first.
//! In `dev` an alias whose provider lacks its key is answered by `sketch`, and the result says so.

pub mod aliases;
pub mod artifacts;
pub mod cost;
pub mod error;
pub mod gallery;
pub mod overspent;
pub mod provider;
pub mod providers;
pub mod sniff;
pub mod spend;
pub mod thumbnail;

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;

use crate::config::egress::EgressSettings;
use crate::config::imaging::{AliasSettings, ImagingSettings, Price, ProviderSettings};
use crate::imaging::cost::Cost;
use crate::imaging::error::{BuildError, ImagingError, ProviderError};
pub use crate::imaging::provider::{GenerateContext, Picture};
use crate::imaging::provider::{Parts, Provider};
use crate::imaging::sniff::Caps;
use crate::model::id::AddonId;
use crate::model::image::ImageRequest;
use crate::store::artifacts::Provenance;

/// The name that leaves the choice of a provider to the host.
pub const AUTOMATIC: &str = "automatic";

/// What the name of an addon's provider starts with.
pub const ADDON_PREFIX: &str = "addon:";

/// The provider that answers in `dev` for those that lack a key.
const SUBSTITUTE: &str = "sketch";

/// The service that turns requests into pictures. Cheap to clone.
#[derive(Clone)]
pub struct Imaging {
    house: Arc<House>,
}

struct House {
    order: Vec<String>,
    providers: BTreeMap<String, Configured>,
    aliases: BTreeMap<String, AliasSettings>,
    caps: Caps,
}

struct Configured {
    kind: &'static str,
    provider: Arc<dyn Provider>,
    prices: Arc<[Price]>,
}

/// What a request brought.
#[derive(Clone, Debug)]
pub struct Generated {
    /// One to four pictures.
    pub pictures: Vec<Picture>,
    /// The provider that made them.
    pub provider: String,
    /// The model that made them.
    pub model: String,
    /// The name that was asked for; `automatic` when there was none.
    pub requested_provider: String,
    /// What the asker should know, a sentence each.
    pub notes: Vec<String>,
    /// What it costs, where every picture has a price.
    pub cost: Option<Cost>,
}

/// A provider as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderState {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// What has to be configured before it can be asked; `None` when it is ready.
    pub missing: Option<String>,
}

/// The provider that will answer, and the request in its words.
struct Choice {
    name: String,
    provider: Arc<dyn Provider>,
    prices: Arc<[Price]>,
    request: ImageRequest,
    notes: Vec<String>,
}

impl Choice {
    fn of(name: &str, configured: &Configured, request: ImageRequest) -> Self {
        Self {
            name: name.to_owned(),
            provider: Arc::clone(&configured.provider),
            prices: Arc::clone(&configured.prices),
            request,
            notes: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Imaging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imaging").field("providers", &self.house.providers.keys()).finish_non_exhaustive()
    }
}

impl Imaging {
    /// Builds every provider that `settings` names, and those that always exist. Reads key files: for start-up.
    /// With `is_loopback_allowed` their answers may name pictures on this machine; so in `dev`.
    ///
    /// # Errors
    /// [`BuildError`] names the provider and the setting at fault.
    pub fn new(
        settings: &ImagingSettings,
        egress: &EgressSettings,
        is_loopback_allowed: bool,
    ) -> Result<Self, BuildError> {
        let caps = Caps::of(settings);
        let parts = Parts { egress: egress.clone(), is_loopback_allowed, caps };
        let mut wanted = settings.providers.clone();
        for name in providers::ALWAYS {
            wanted.entry(name.to_owned()).or_default();
        }
        let mut built = BTreeMap::new();
        for (name, settings) in wanted.iter().filter(|(_, settings)| settings.enabled) {
            built.insert(name.clone(), build(name, settings, &parts)?);
        }
        let is_addon = |name: &str| name.strip_prefix(ADDON_PREFIX).is_some_and(|id| AddonId::parse(id).is_ok());
        if let Some(name) = settings.default.iter().find(|name| !wanted.contains_key(*name) && !is_addon(name)) {
            return Err(BuildError::BadOrder { name: name.clone() });
        }
        let mut aliases = aliases::builtin();
        aliases.extend(settings.aliases.clone());
        Ok(Self { house: Arc::new(House { order: settings.default.clone(), providers: built, aliases, caps }) })
    }

    /// How large a picture may be, whoever made it.
    #[must_use]
    pub fn caps(&self) -> Caps {
        self.house.caps
    }

    /// IPTC's word for how the pictures of this provider came about. An addon's are taken for a model's: the platform does not
    /// know what it asks.
    #[must_use]
    pub fn source_type(&self, provider: &str) -> &'static str {
        match self.house.providers.get(provider) {
            Some(configured) if configured.kind == SUBSTITUTE => Provenance::BY_PROGRAM,
            Some(_) | None => Provenance::BY_MODEL,
        }
    }

    /// Every provider, and what it lacks.
    #[must_use]
    pub fn states(&self) -> Vec<ProviderState> {
        let state = |(name, configured): (&String, &Configured)| ProviderState {
            name: name.clone(),
            kind: configured.kind,
            missing: configured.provider.missing(),
        };
        self.house.providers.iter().map(state).collect()
    }

    /// Makes the pictures of `request`. Dropping the future, or firing `cx.cancel`, drops the provider's request.
    ///
    /// # Errors
    /// [`ImagingError`], with its code and its own verdict on trying again.
    pub async fn generate(&self, request: &ImageRequest, cx: &GenerateContext) -> Result<Generated, ImagingError> {
        let requested = request.provider.as_deref().unwrap_or(AUTOMATIC);
        let choice = self.house.choose(requested, request, cx).await?;
        choice
            .provider
            .check(&choice.request)
            .map_err(|source| ImagingError::Misfit { name: choice.name.clone(), source })?;
        let held = match (&cx.account, cost::estimate(&choice.prices, &choice.request)) {
            (Some(account), Some(cost)) => {
                Some(account.hold(&choice.name, cost, ulid::Ulid::generate().to_string()).await?)
            }
            _ => None,
        };
        let answer = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => Err(ProviderError::Cancelled),
            answer = choice.provider.generate(&choice.request, cx) => answer,
        };
        if let Some(held) = held {
            let counted = held.counted();
            held.settle(cost::spent(&choice.prices, choice.request.quality.as_deref(), counted, &answer)).await;
        }
        let drawn = answer.map_err(|source| failed(&choice.name, source))?;
        let mut notes = choice.notes;
        notes.extend(drawn.notes);
        Ok(Generated {
            cost: cost::of(&choice.prices, choice.request.quality.as_deref(), &drawn.pictures),
            pictures: drawn.pictures,
            provider: choice.name,
            model: drawn.model,
            requested_provider: requested.to_owned(),
            notes,
        })
    }
}

impl House {
    async fn choose(
        &self,
        requested: &str,
        request: &ImageRequest,
        cx: &GenerateContext,
    ) -> Result<Choice, ImagingError> {
        if requested == AUTOMATIC {
            return self.first_that_can(request, cx).await;
        }
        if requested.starts_with(ADDON_PREFIX) {
            let found = by_addon(requested, request, cx).await?;
            return found.ok_or_else(|| ImagingError::AddonProvider { name: requested.to_owned() });
        }
        if let Some((name, configured)) = self.providers.get_key_value(requested) {
            return match configured.provider.missing() {
                Some(cure) => Err(ImagingError::NotReady { name: name.clone(), cure }),
                None => Ok(Choice::of(name, configured, request.clone())),
            };
        }
        match self.aliases.get_key_value(requested) {
            Some((name, alias)) => self.by_alias(name, alias, request, cx.is_dev),
            None => Err(ImagingError::Unknown { name: requested.to_owned(), known: self.known_names() }),
        }
    }

    async fn first_that_can(&self, request: &ImageRequest, cx: &GenerateContext) -> Result<Choice, ImagingError> {
        let mut reasons = Vec::new();
        for name in &self.order {
            let choice = if name.starts_with(ADDON_PREFIX) {
                by_addon(name, request, cx).await?
            } else {
                self.providers.get(name).map(|configured| Choice::of(name, configured, request.clone()))
            };
            let Some(choice) = choice else { continue };
            let misfit = || choice.provider.check(request).err().map(|misfit| misfit.to_string());
            match choice.provider.missing().or_else(misfit) {
                None => return Ok(choice),
                Some(reason) => reasons.push(format!("`{name}`: {reason}")),
            }
        }
        if reasons.is_empty() {
            reasons.push(String::from("none is enabled in `imaging.default`"));
        }
        Err(ImagingError::NobodyCan { reasons: reasons.join("; ") })
    }

    fn by_alias(
        &self,
        name: &str,
        alias: &AliasSettings,
        request: &ImageRequest,
        is_dev: bool,
    ) -> Result<Choice, ImagingError> {
        let target = alias.provider.as_str();
        let cure = match self.providers.get_key_value(target) {
            Some((target, configured)) => match configured.provider.missing() {
                None => {
                    let translated = aliases::translate(name, alias, request);
                    let choice = Choice::of(target, configured, translated.request);
                    return Ok(Choice { notes: translated.notes, ..choice });
                }
                Some(cure) => cure,
            },
            None => format!(
                "`{name}` is answered by it: write `[imaging.providers.{target}]` with `kind` and `base_url`, \
                 or point `imaging.aliases.{name}.provider` to another provider"
            ),
        };
        match self.providers.get_key_value(SUBSTITUTE) {
            Some((substitute, configured)) if is_dev => {
                let note = format!(
                    "`{name}` stands for the provider `{target}`, which is not configured here; \
                     in `dev` `{substitute}` drew this instead"
                );
                // The alias's words are for its own provider; the substitute reads the request as it came.
                let request = ImageRequest { model: None, ..request.clone() };
                Ok(Choice { notes: vec![note], ..Choice::of(substitute, configured, request) })
            }
            _ => Err(ImagingError::NotReady { name: target.to_owned(), cure }),
        }
    }

    fn known_names(&self) -> String {
        let names = self.providers.keys().chain(self.aliases.keys()).map(String::as_str);
        std::iter::once(AUTOMATIC).chain(names).collect::<Vec<_>>().join(", ")
    }
}

/// The addon behind a name, where the user has one that draws.
async fn by_addon(name: &str, request: &ImageRequest, cx: &GenerateContext) -> Result<Option<Choice>, ImagingError> {
    let Some(addons) = &cx.addons else { return Ok(None) };
    let unknown = |error| ImagingError::AddonUnknown { name: name.to_owned(), source: Box::new(error) };
    let found = addons.find(name).await.map_err(unknown)?;
    Ok(found.map(|addon| Choice {
        name: name.to_owned(),
        provider: addon.provider,
        prices: addon.prices.into(),
        request: request.clone(),
        notes: Vec::new(),
    }))
}

/// Names the provider, and logs what the client is not told.
fn failed(name: &str, source: ProviderError) -> ImagingError {
    match &source {
        ProviderError::Cancelled => return ImagingError::Cancelled,
        ProviderError::Http { what, source } => {
            let error = source.detail();
            warn!(provider.name = name, error, "Image provider `{name}`: {what} did not come through");
        }
        ProviderError::Internal(error) => {
            warn!(provider.name = name, error, "Image provider `{name}` failed in itself");
        }
        ProviderError::KeyRefused { status } => {
            warn!(provider.name = name, status, "Image provider `{name}` does not accept its key");
        }
        ProviderError::NoCredit => warn!(provider.name = name, "The account of image provider `{name}` is used up"),
        ProviderError::Refused { .. }
        | ProviderError::SlowDown { .. }
        | ProviderError::Trouble { .. }
        | ProviderError::BadRequest { .. }
        | ProviderError::Answer { .. }
        | ProviderError::NotAPicture { .. }
        | ProviderError::Addon { .. } => {}
    }
    ImagingError::Provider { name: name.to_owned(), source }
}

fn build(name: &str, settings: &ProviderSettings, parts: &Parts) -> Result<Configured, BuildError> {
    let fault = if name == AUTOMATIC {
        Some("is taken")
    } else if name.starts_with(ADDON_PREFIX) {
        Some("is an addon's")
    } else if name.is_empty() || name.len() > 64 || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some("must be 1-64 characters without spaces")
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(BuildError::BadName { name: name.to_owned(), fault });
    }
    let (kind, provider) = providers::build(name, settings, parts)?;
    Ok(Configured { kind, provider, prices: settings.prices.clone().into() })
}
