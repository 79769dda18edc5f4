//! What an addon can do: one trait an export, and the macro that exports them.

use std::marker::PhantomData;

use serde::Serialize;

use crate::bindings as world;
use crate::bindings::with_lifecycle::exports::semantest::addon::lifecycle;
pub use crate::bindings::with_lifecycle::exports::semantest::addon::lifecycle::StopReason;
use crate::{Asset, Call, Error, ImageRequest, Json, Message, Refusal, last_words};

/// Makes the component's exports from the traits that a type implements.
///
/// ```ignore
/// semantest_addon::export!(Notes: Actions, BeforePrompt);
/// ```
#[macro_export]
macro_rules! export {
    ($addon:ident: $($export:ident),+ $(,)?) => {
        const _: () = {
            type Guest = $crate::Exported<$addon>;
            $($crate::export!(@ $export Guest);)+
        };
    };
    (@ Lifecycle $guest:ident) => { $crate::bindings::with_lifecycle::export!($guest with_types_in $crate::bindings::with_lifecycle); };
    (@ ConfigHandler $guest:ident) => { $crate::bindings::with_config_handler::export!($guest with_types_in $crate::bindings::with_config_handler); };
    (@ Migration $guest:ident) => { $crate::bindings::with_migration::export!($guest with_types_in $crate::bindings::with_migration); };
    (@ Actions $guest:ident) => { $crate::bindings::with_actions::export!($guest with_types_in $crate::bindings::with_actions); };
    (@ BeforePrompt $guest:ident) => { $crate::bindings::with_before_prompt::export!($guest with_types_in $crate::bindings::with_before_prompt); };
    (@ AfterReply $guest:ident) => { $crate::bindings::with_after_reply::export!($guest with_types_in $crate::bindings::with_after_reply); };
    (@ BeforeImage $guest:ident) => { $crate::bindings::with_before_image::export!($guest with_types_in $crate::bindings::with_before_image); };
    (@ AfterImage $guest:ident) => { $crate::bindings::with_after_image::export!($guest with_types_in $crate::bindings::with_after_image); };
    (@ EventHandler $guest:ident) => { $crate::bindings::with_event_handler::export!($guest with_types_in $crate::bindings::with_event_handler); };
    (@ ScheduleHandler $guest:ident) => { $crate::bindings::with_schedule_handler::export!($guest with_types_in $crate::bindings::with_schedule_handler); };
    (@ ImageProvider $guest:ident) => { $crate::bindings::with_image_provider::export!($guest with_types_in $crate::bindings::with_image_provider); };
}

/// What [`export!`](crate::export) exports: the glue between an addon's traits and the contract.
#[derive(Debug)]
pub struct Exported<T>(PhantomData<T>);

/// Called when the addon is switched on and off for a user.
pub trait Lifecycle {
    /// Prepares whatever the addon needs. A crashed worker repeats it: do it so that twice is once.
    ///
    /// # Errors
    /// An error keeps the addon off.
    fn activate(call: Call, config: Json) -> Result<(), Error>;

    /// Cleans up; best effort, it may never be called.
    fn deactivate(call: Call, reason: StopReason) {
        let _ = (call, reason);
    }
}

impl<T: Lifecycle> lifecycle::Guest for Exported<T> {
    fn activate(call: Call, config: String) -> Result<(), Error> {
        last_words::keep();
        T::activate(call, Json::from_text(config))
    }

    fn deactivate(call: Call, reason: StopReason) {
        last_words::keep();
        T::deactivate(call, reason);
    }
}

/// Called when the user edits the settings while the addon is on.
pub trait ConfigHandler {
    /// Looks at the new settings.
    ///
    /// # Errors
    /// An error keeps the old ones.
    fn reconfigure(call: Call, config: Json) -> Result<(), Error>;
}

impl<T: ConfigHandler> world::with_config_handler::exports::semantest::addon::config_handler::Guest for Exported<T> {
    fn reconfigure(call: Call, config: String) -> Result<(), Error> {
        last_words::keep();
        T::reconfigure(call, Json::from_text(config))
    }
}

/// Called once for each user before calls move to a new version.
pub trait Migration {
    /// Brings what an older version kept into shape.
    ///
    /// # Errors
    /// An error keeps the old version.
    fn migrate(call: Call, from_version: &str) -> Result<(), Error>;
}

impl<T: Migration> world::with_migration::exports::semantest::addon::migration::Guest for Exported<T> {
    fn migrate(call: Call, from_version: String) -> Result<(), Error> {
        last_words::keep();
        T::migrate(call, &from_version)
    }
}

/// The actions that the manifest declares.
pub trait Actions {
    /// Runs the action `name`; name and parameters were checked against the manifest.
    ///
    /// # Errors
    /// The error's kind decides what the queue does with the job.
    fn invoke(call: Call, name: &str, params: Json) -> Result<Output, Error>;
}

/// What an action answers: a value for the caller, and pictures or other assets.
#[derive(Debug)]
pub struct Output {
    value: String,
    assets: Vec<Asset>,
}

impl Output {
    /// Answers `value` as JSON.
    ///
    /// # Errors
    /// `permanent` when `value` cannot be written as JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, Error> {
        Ok(Self::from_text(serde_json::to_string(value)?))
    }

    /// Answers text that is known to be JSON.
    #[must_use]
    pub fn from_text(value: String) -> Self {
        Self { value, assets: Vec::new() }
    }

    /// Adds an asset to the answer.
    #[must_use]
    pub fn with_asset(mut self, asset: Asset) -> Self {
        self.assets.push(asset);
        self
    }
}

impl<T: Actions> world::with_actions::exports::semantest::addon::actions::Guest for Exported<T> {
    fn invoke(
        call: Call,
        name: String,
        params: String,
    ) -> Result<world::with_actions::exports::semantest::addon::actions::Output, Error> {
        last_words::keep();
        let Output { value, assets } = T::invoke(call, &name, Json::from_text(params))?;
        Ok(world::with_actions::exports::semantest::addon::actions::Output { value, assets })
    }
}

pub use world::with_before_prompt::exports::semantest::addon::before_prompt::Verdict as PromptVerdict;

/// A hook on chat messages before they are answered.
pub trait BeforePrompt {
    /// Looks at the chat so far; its last message is the new one.
    ///
    /// # Errors
    /// Whether an error stops the chat is the manifest's `onFailure`.
    fn run(call: Call, history: Vec<Message>) -> Result<PromptVerdict, Error>;
}

impl<T: BeforePrompt> world::with_before_prompt::exports::semantest::addon::before_prompt::Guest for Exported<T> {
    fn run(call: Call, history: Vec<Message>) -> Result<PromptVerdict, Error> {
        last_words::keep();
        T::run(call, history)
    }
}

pub use world::with_after_reply::exports::semantest::addon::after_reply::Verdict as ReplyVerdict;

/// A hook on replies before they are shown.
pub trait AfterReply {
    /// Looks at the reply.
    ///
    /// # Errors
    /// Whether an error stops the reply is the manifest's `onFailure`.
    fn run(call: Call, reply: Message) -> Result<ReplyVerdict, Error>;
}

impl<T: AfterReply> world::with_after_reply::exports::semantest::addon::after_reply::Guest for Exported<T> {
    fn run(call: Call, reply: Message) -> Result<ReplyVerdict, Error> {
        last_words::keep();
        T::run(call, reply)
    }
}

pub use world::with_before_image::exports::semantest::addon::before_image::Verdict as ImageVerdict;

/// A hook on picture requests before they are drawn.
pub trait BeforeImage {
    /// Looks at the request.
    ///
    /// # Errors
    /// Whether an error stops the request is the manifest's `onFailure`.
    fn run(call: Call, request: ImageRequest) -> Result<ImageVerdict, Error>;
}

impl<T: BeforeImage> world::with_before_image::exports::semantest::addon::before_image::Guest for Exported<T> {
    fn run(call: Call, request: ImageRequest) -> Result<ImageVerdict, Error> {
        last_words::keep();
        T::run(call, request)
    }
}

pub use world::with_after_image::exports::semantest::addon::after_image::Verdict as PictureVerdict;

/// A hook on pictures after they were drawn, called once a picture.
pub trait AfterImage {
    /// Looks at the picture.
    ///
    /// # Errors
    /// Whether an error spoils the picture is the manifest's `onFailure`.
    fn run(call: Call, request: ImageRequest, image: Asset) -> Result<PictureOutcome, Error>;
}

/// What an [`AfterImage`] hook decides about a picture, and what it says about it.
#[derive(Debug)]
pub struct PictureOutcome {
    verdict: PictureVerdict,
    tags: Option<String>,
}

impl PictureOutcome {
    /// Keeps the picture and says nothing.
    #[must_use]
    pub fn keep() -> Self {
        Self { verdict: PictureVerdict::Keep, tags: None }
    }

    /// Puts `picture` in its place.
    #[must_use]
    pub fn replace(picture: Asset) -> Self {
        Self { verdict: PictureVerdict::Replace(picture), tags: None }
    }

    /// Withholds the picture.
    #[must_use]
    pub fn block(why: Refusal) -> Self {
        Self { verdict: PictureVerdict::Block(why), tags: None }
    }

    /// Adds facts, a JSON object shown on the result under the addon's id.
    ///
    /// # Errors
    /// `permanent` when they cannot be written as JSON.
    pub fn with_tags(mut self, tags: &impl Serialize) -> Result<Self, Error> {
        self.tags = Some(serde_json::to_string(tags)?);
        Ok(self)
    }
}

impl<T: AfterImage> world::with_after_image::exports::semantest::addon::after_image::Guest for Exported<T> {
    fn run(
        call: Call,
        request: ImageRequest,
        image: Asset,
    ) -> Result<world::with_after_image::exports::semantest::addon::after_image::Outcome, Error> {
        last_words::keep();
        let PictureOutcome { verdict, tags } = T::run(call, request, image)?;
        Ok(world::with_after_image::exports::semantest::addon::after_image::Outcome { verdict, tags })
    }
}

/// Called when something that the manifest's `events.handles` names happened.
pub trait EventHandler {
    /// Hears of it.
    ///
    /// # Errors
    /// The error's kind decides whether it is told again.
    fn handle(call: Call, topic: &str, payload: Json) -> Result<(), Error>;
}

impl<T: EventHandler> world::with_event_handler::exports::semantest::addon::event_handler::Guest for Exported<T> {
    fn handle(call: Call, topic: String, payload: String) -> Result<(), Error> {
        last_words::keep();
        T::handle(call, &topic, Json::from_text(payload))
    }
}

/// Called when one of the manifest's schedules is due.
pub trait ScheduleHandler {
    /// Does what is due; `due_ms` is when it was, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// The error's kind decides whether it is tried again.
    fn tick(call: Call, schedule: &str, due_ms: u64) -> Result<(), Error>;
}

impl<T: ScheduleHandler> world::with_schedule_handler::exports::semantest::addon::schedule_handler::Guest
    for Exported<T>
{
    fn tick(call: Call, schedule: String, due_ms: u64) -> Result<(), Error> {
        last_words::keep();
        T::tick(call, &schedule, due_ms)
    }
}

/// Draws pictures, beside the platform's own providers.
pub trait ImageProvider {
    /// Draws what is asked for.
    ///
    /// # Errors
    /// The error's kind decides whether it is tried again.
    fn generate(call: Call, request: ImageRequest) -> Result<Vec<Asset>, Error>;
}

impl<T: ImageProvider> world::with_image_provider::exports::semantest::addon::image_provider::Guest for Exported<T> {
    fn generate(call: Call, request: ImageRequest) -> Result<Vec<Asset>, Error> {
        last_words::keep();
        T::generate(call, request)
    }
}
