//! The addon manifest: static data that says what an addon is, asks for and offers.
//!
//! It is read without running code, shown for consent and covered by the
//! signature. `manifest/parse.rs` reads it with all faults at once,
//! `manifest/rules.rs` holds the rules that a schema cannot say.

mod fault;
pub mod parse;
mod rules;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::capability::Capability;
use crate::model::id::AddonId;
use crate::model::limits::LimitWish;
use crate::model::topic;
use crate::model::units::ByteSize;

pub use fault::ManifestFault;
pub use parse::ManifestError;

/// Most bytes of a manifest: a readme and an icon fit, a bomb does not.
pub const MAX_MANIFEST_BYTES: usize = 512 * 1024;
/// Most bytes of one JSON Schema in a manifest (publishers are strangers, and schemas are programs).
pub const MAX_SCHEMA_BYTES: usize = 64 * 1024;
/// Deepest nesting of one JSON Schema in a manifest.
pub const MAX_SCHEMA_DEPTH: usize = 32;

/// What [`AddonId::parse`] takes, for editors and for finding all faults of a manifest at once.
const ID_PATTERN: &str = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])\\.[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])$";
/// What semver takes (semver.org, “Is there a suggested regular expression”).
const VERSION_PATTERN: &str = "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\
     (-((0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?\
     (\\+([0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*))?$";

/// An addon's manifest, after every rule was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// `publisher.name`.
    #[schemars(with = "String", extend("pattern" = ID_PATTERN))]
    pub id: AddonId,
    /// Semver; immutable once published.
    #[schemars(with = "String", extend("pattern" = VERSION_PATTERN))]
    pub version: Version,
    /// For people.
    pub name: String,
    /// At most 280 characters.
    pub description: String,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// A page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// `Name <address>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its readme's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
    /// A picture of at most 64 KiB, as a `data:` URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Contract versions it works with; derived from the component when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Everything it imports beyond the baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// The user's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigSpec>,
    /// What can be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionSpec>,
    /// Where it hooks in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookSpec>,
    /// When it wakes up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleSpec>,
    /// What it listens to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsSpec>,
    /// What it draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderSpec>,
    /// What it would like to use; the platform's ceiling wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
}

/// The schema of the user's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigSpec {
    /// JSON Schema 2020-12; defaults in it are applied before the guest sees the settings.
    pub schema: Value,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActionSpec {
    /// `a-z 0-9 -`, at most 64.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For people and agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the parameters; none accepts an object of anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// JSON Schema of the result; none accepts anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What agents should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<ActionHints>,
    /// Longest time from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Most processor time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
}

/// What agents should know about an action before they call it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ActionHints {
    /// Changes nothing.
    pub read_only: bool,
    /// May destroy something.
    pub destructive: bool,
    /// Twice is once.
    pub idempotent: bool,
    /// Talks to the outside.
    pub open_world: bool,
}

/// Where an addon may hook in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookPoint {
    /// Before a picture is drawn.
    BeforeImage,
    /// After a picture was drawn, once per picture.
    AfterImage,
    /// Before a chat message is answered.
    BeforePrompt,
    /// After a reply was made.
    AfterReply,
}

impl HookPoint {
    /// Every point there is.
    pub const ALL: [Self; 4] = [Self::BeforeImage, Self::AfterImage, Self::BeforePrompt, Self::AfterReply];

    /// The point as the manifest writes it; also the name of the interface that it needs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeImage => "before-image",
            Self::AfterImage => "after-image",
            Self::BeforePrompt => "before-prompt",
            Self::AfterReply => "after-reply",
        }
    }
}

/// When in the chain a hook runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookPhase {
    /// Before the others.
    First,
    /// In the user's order.
    #[default]
    Normal,
    /// After the others.
    Last,
}

/// What a broken hook does to the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// The job goes on without it.
    #[default]
    Open,
    /// The job fails.
    Closed,
}

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HookSpec {
    /// Where.
    pub point: HookPoint,
    /// When in the chain.
    #[serde(default)]
    pub phase: HookPhase,
    /// What if it breaks.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Most processor time; 100 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Longest time; 1000 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// One schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// `a-z 0-9 -`, at most 64.
    pub name: String,
    /// Five fields (`minute hour day month weekday`), or six with the seconds first.
    pub cron: String,
    /// An IANA name, or `user`: the enablement's own setting, UTC where there is none. `user` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// What an addon listens to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsSpec {
    /// Topics: `job.completed`, `job.failed`, `job.cancelled`; what other addons of the user emit, as `topic` (of any) or
    /// `publisher.name/topic` (of that one).
    #[serde(default)]
    pub handles: Vec<String>,
}

/// What an image provider can draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderSpec {
    /// `WxH`.
    #[serde(default)]
    pub sizes: Vec<String>,
    /// Pictures per request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u32>,
    /// `png`, `jpeg`, `webp`.
    #[serde(default)]
    pub formats: Vec<String>,
    /// In the platform's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_image: Option<f64>,
}

/// Limits that an addon asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsSpec {
    /// MiB of linear memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// Processor time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Time from start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// KiB of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_kib: Option<u64>,
    /// Lines of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u64>,
    /// Key-value operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_operations: Option<u64>,
    /// Assets opened and made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<u64>,
}

impl ScheduleSpec {
    /// The time zone that it goes by for a user with this setting.
    #[must_use]
    pub fn timezone_for<'a>(&'a self, setting: Option<&'a str>) -> &'a str {
        match self.timezone.as_deref() {
            None | Some("user") => setting.unwrap_or("UTC"),
            Some(own) => own,
        }
    }
}

impl Manifest {
    /// The action called `name`.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&ActionSpec> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// Where the addon is called without being asked by name, each as the manifest writes it: its hooks' points, and the
    /// topics that it handles. It sees prompts, pictures or events there, so more of them is more.
    #[must_use]
    pub fn hears(&self) -> BTreeSet<&str> {
        let topics = self.events.iter().flat_map(|events| events.handles.iter().map(String::as_str));
        self.hooks.iter().map(|hook| hook.point.as_str()).chain(topics).collect()
    }

    /// The hook at `point`.
    #[must_use]
    pub fn hook(&self, point: HookPoint) -> Option<&HookSpec> {
        self.hooks.iter().find(|hook| hook.point == point)
    }

    /// The schedule called `name`.
    #[must_use]
    pub fn schedule(&self, name: &str) -> Option<&ScheduleSpec> {
        self.schedules.iter().find(|schedule| schedule.name == name)
    }

    /// The topics that it listens to.
    #[must_use]
    pub fn handles(&self) -> &[String] {
        self.events.as_ref().map(|events| events.handles.as_slice()).unwrap_or_default()
    }

    /// Whether it listens to how the user's jobs end.
    #[must_use]
    pub fn hears_jobs(&self) -> bool {
        self.handles().iter().any(|handled| topic::of_platform(handled).is_some())
    }

    /// What it would like to use.
    #[must_use]
    pub fn limit_wish(&self) -> LimitWish {
        let limits = self.limits.unwrap_or_default();
        LimitWish {
            memory: limits.memory_mib.map(ByteSize::mib),
            cpu: limits.cpu_ms.map(std::time::Duration::from_millis),
            wall: limits.timeout_ms.map(std::time::Duration::from_millis),
            output: limits.output_kib.map(ByteSize::kib),
            log_lines: limits.log_lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
            kv_operations: limits.kv_operations,
            assets: limits.assets,
        }
    }

    /// The schema of the user's settings; without one, only an empty object is accepted.
    #[must_use]
    pub fn config_schema(&self) -> Value {
        self.config.as_ref().map_or_else(
            || serde_json::json!({ "type": "object", "additionalProperties": false }),
            |config| config.schema.clone(),
        )
    }

    /// The interfaces (without package and version) that the component must export for what the manifest promises.
    #[must_use]
    pub fn promised_exports(&self) -> Vec<&'static str> {
        let mut promised: Vec<&'static str> = self.hooks.iter().map(|hook| hook.point.as_str()).collect();
        if !self.actions.is_empty() {
            promised.push("actions");
        }
        if !self.schedules.is_empty() {
            promised.push("schedule-handler");
        }
        if !self.handles().is_empty() {
            promised.push("event-handler");
        }
        if self.provider.is_some() {
            promised.push("image-provider");
        }
        promised.sort_unstable();
        promised.dedup();
        promised
    }

    /// The manifest as it is embedded in a component: JSON, fields in a fixed order.
    ///
    /// # Errors
    /// Never in practice; serde says so in the type.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}
