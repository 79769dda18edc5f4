//! What a guest can be asked, and what it can answer, in the words of the model.

use serde_json::Value;

use crate::host::export::Export;
use crate::host::ports::AssetFacts;
use crate::model::chat::Message;
use crate::model::image::ImageRequest;

/// Why an addon is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The user switched it off.
    UserDisabled,
    /// A newer version takes over.
    Upgraded,
    /// An admin blocked it.
    Blocked,
    /// It crashed too often.
    Quarantined,
}

/// One question to a guest.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// Nothing: the component is started for the sake of this export, which shows whether it can be.
    Start(Export),
    /// `lifecycle.activate` with the call's settings; answered with [`Reply::Done`] where the addon has no lifecycle.
    Activate,
    /// `lifecycle.deactivate`; answered with [`Reply::Done`] where the addon has no lifecycle.
    Deactivate(StopReason),
    /// `config-handler.reconfigure` with the call's settings; answered with [`Reply::Done`] where there is no handler.
    Reconfigure,
    /// `migration.migrate`: what an older version kept is brought into shape; answered with [`Reply::Done`] where the addon
    /// has no migration.
    Migrate {
        /// The version that kept it.
        from_version: String,
    },
    /// `actions.invoke`.
    Action {
        /// The action's name.
        name: String,
        /// Its parameters, already checked against the manifest.
        params: Value,
    },
    /// `before-prompt.run`.
    BeforePrompt {
        /// The chat so far, oldest first.
        history: Vec<Message>,
    },
    /// `before-image.run`.
    BeforeImage {
        /// What is asked for.
        request: ImageRequest,
    },
    /// `after-image.run`, once per picture.
    AfterImage {
        /// What was asked for.
        request: ImageRequest,
        /// The picture.
        asset: AssetFacts,
    },
    /// `event-handler.handle`; answered with [`Reply::Done`].
    Handle {
        /// The topic, as the addon's manifest names it.
        topic: String,
        /// What is told.
        payload: Value,
    },
    /// `schedule-handler.tick`; answered with [`Reply::Done`].
    Tick {
        /// The schedule's name.
        schedule: String,
        /// When it was due, in milliseconds since the epoch.
        due_ms: u64,
    },
    /// `image-provider.generate`.
    Draw {
        /// What is asked for.
        request: ImageRequest,
    },
}

impl Invocation {
    /// The interface that answers.
    #[must_use]
    pub const fn export(&self) -> Export {
        match self {
            Self::Start(export) => *export,
            Self::Activate | Self::Deactivate(_) => Export::Lifecycle,
            Self::Reconfigure => Export::ConfigHandler,
            Self::Migrate { .. } => Export::Migration,
            Self::Action { .. } => Export::Actions,
            Self::BeforePrompt { .. } => Export::BeforePrompt,
            Self::BeforeImage { .. } => Export::BeforeImage,
            Self::AfterImage { .. } => Export::AfterImage,
            Self::Handle { .. } => Export::EventHandler,
            Self::Tick { .. } => Export::ScheduleHandler,
            Self::Draw { .. } => Export::ImageProvider,
        }
    }

    /// Whether an addon without the export simply has nothing to do.
    #[must_use]
    pub const fn is_optional(&self) -> bool {
        match self {
            Self::Start(_) | Self::Activate | Self::Deactivate(_) | Self::Reconfigure | Self::Migrate { .. } => true,
            Self::Action { .. }
            | Self::BeforePrompt { .. }
            | Self::BeforeImage { .. }
            | Self::AfterImage { .. }
            | Self::Handle { .. }
            | Self::Tick { .. }
            | Self::Draw { .. } => false,
        }
    }
}

/// One answer of a guest, of the same kind as the question.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To `Start`, `Activate`, `Deactivate`, `Reconfigure`, `Migrate`, `Handle`, `Tick`.
    Done,
    /// To `Action`.
    Action(ActionOutput),
    /// To `BeforePrompt`.
    BeforePrompt(PromptVerdict),
    /// To `BeforeImage`.
    BeforeImage(ImageVerdict),
    /// To `AfterImage`.
    AfterImage(PictureOutcome),
    /// To `Draw`: the pictures, in their order.
    Drawn(Vec<AssetFacts>),
}

/// What an action returned.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionOutput {
    /// The value; not yet checked against the action's schema.
    pub value: Value,
    /// Assets that belong to it.
    pub assets: Vec<AssetFacts>,
}

/// Why a hook stops something: shown to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The author's own stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

/// What `before-prompt` decided.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptVerdict {
    /// Go on.
    Pass,
    /// Go on with this chat instead.
    Rewrite(Vec<Message>),
    /// Go on with these messages appended.
    AddContext(Vec<Message>),
    /// This is the answer.
    Reply(Message),
    /// Stop.
    Block(Refusal),
}

/// What `before-image` decided.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageVerdict {
    /// Go on.
    Pass,
    /// Go on with this request instead; its fields are within their ranges.
    Rewrite(ImageRequest),
    /// Stop.
    Block(Refusal),
}

/// What `after-image` decided about one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureOutcome {
    /// What becomes of it.
    pub verdict: PictureVerdict,
    /// An object that is shown on the result under the addon's id.
    pub tags: Option<Value>,
}

/// What becomes of a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum PictureVerdict {
    /// It stays.
    Keep,
    /// This one takes its place.
    Replace(AssetFacts),
    /// It is not shown.
    Block(Refusal),
}
