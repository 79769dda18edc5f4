//! Pictures from the platform's image queue, paid by the user. Needs the capability `images`.
//!
//! Nothing waits for a picture: [`submit`] answers at once, and when the picture's job has ended, however it does, the
//! action that was named runs as a job of its own with an [`Ended`] as its parameters.
//!
//! ```no_run
//! use semantest_addon::{Error, ImageRequest, Json, Output, assets, images};
//!
//! fn start() -> Result<Output, Error> {
//!     let job = images::submit(&ImageRequest::of("a serene garden"), Some("drawn"))?;
//!     Output::of(&job)
//! }
//!
//! /// The action `drawn`.
//! fn drawn(params: Json) -> Result<Output, Error> {
//!     let ended: images::Ended = params.read()?;
//!     let sizes = ended.assets.iter().map(|id| Ok(assets::open(id)?.size())).collect::<Result<Vec<_>, Error>>()?;
//!     Output::of(&sizes)
//! }
//! ```

use serde::Deserialize;

use crate::bindings::semantest::addon::images;
pub use crate::bindings::semantest::addon::images::ImageState;
use crate::{Error, ImageRequest};

/// How a picture's job ended: the parameters of the action that follows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// The job that [`submit`] answered.
    pub image_job_id: String,
    /// How it ended.
    pub status: EndedStatus,
    /// The pictures, which [`crate::assets::open`] opens in this call; none where it did not end well.
    pub assets: Vec<String>,
}

/// How a job can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedStatus {
    /// Well.
    Completed,
    /// Badly, for good.
    Failed,
    /// By request.
    Cancelled,
}

impl ImageRequest {
    /// A request for one picture of `prompt`; everything else is left to the host.
    #[must_use]
    pub fn of(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            negative_prompt: None,
            provider: None,
            model: None,
            size: None,
            quality: None,
            style: None,
            count: 1,
            seed: None,
            image: None,
            extra: None,
        }
    }
}

/// Asks for pictures, one credit each, and answers the id of their job; the action `then` runs when it has ended.
///
/// A call that is made again (look at [`crate::Call::attempt`]) and asks for the same in the same order asks for nothing
/// twice: it gets the same ids.
///
/// # Errors
/// `over-quota` when the user's credits of the day do not suffice, `refused` with the code `too-many-hops` when addons
/// started too many jobs in a row to get here, `bad-input` when request or action do not fit.
pub fn submit(request: &ImageRequest, then: Option<&str>) -> Result<String, Error> {
    images::submit(request, then)
}

/// Where a picture stands that this addon asked for, for this user.
///
/// # Errors
/// `missing` for any other id.
pub fn state(id: &str) -> Result<ImageState, Error> {
    images::state(id)
}

/// Cancels a picture that this addon asked for; false where it was too late.
///
/// # Errors
/// `missing` for any other id.
pub fn cancel(id: &str) -> Result<bool, Error> {
    images::cancel(id)
}
