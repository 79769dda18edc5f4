//! The exports that this host calls, by name.

/// An export interface that this host calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Export {
    /// `lifecycle`.
    Lifecycle,
    /// `config-handler`.
    ConfigHandler,
    /// `migration`.
    Migration,
    /// `actions`.
    Actions,
    /// `before-prompt`.
    BeforePrompt,
    /// `after-reply`.
    AfterReply,
    /// `before-image`.
    BeforeImage,
    /// `after-image`.
    AfterImage,
    /// `event-handler`.
    EventHandler,
    /// `schedule-handler`.
    ScheduleHandler,
    /// `image-provider`.
    ImageProvider,
}

impl Export {
    /// Every export this host calls.
    pub const ALL: [Self; 11] = [
        Self::Lifecycle,
        Self::ConfigHandler,
        Self::Migration,
        Self::Actions,
        Self::BeforePrompt,
        Self::AfterReply,
        Self::BeforeImage,
        Self::AfterImage,
        Self::EventHandler,
        Self::ScheduleHandler,
        Self::ImageProvider,
    ];

    /// The interface's name, such as `before-prompt`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::ConfigHandler => "config-handler",
            Self::Migration => "migration",
            Self::Actions => "actions",
            Self::BeforePrompt => "before-prompt",
            Self::AfterReply => "after-reply",
            Self::BeforeImage => "before-image",
            Self::AfterImage => "after-image",
            Self::EventHandler => "event-handler",
            Self::ScheduleHandler => "schedule-handler",
            Self::ImageProvider => "image-provider",
        }
    }
}

impl std::fmt::Display for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
