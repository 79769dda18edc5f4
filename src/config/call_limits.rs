//! `[sandbox.defaults]` and `[sandbox.ceiling]`: what one call of an addon may use.

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::limits::CallLimits;
use crate::model::units::{ByteSize, Span};

/// One list for both sections. What is left out of a section has that section's own default: a ceiling that is written in
/// part must not come down to the defaults of a call.
macro_rules! limit_settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $ceiling:expr;)+) => {
        /// The limits of a call.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct LimitSettings {
            $($(#[$doc])* pub $name: $type,)+
        }

        impl Default for LimitSettings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl LimitSettings {
            /// The most that a manifest can ask for, where nobody says otherwise.
            #[must_use]
            pub fn ceiling() -> Self {
                Self { $($name: $ceiling,)+ }
            }
        }

        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Partial {
            $($name: Option<$type>,)+
        }

        impl Partial {
            fn over(self, rest: LimitSettings) -> LimitSettings {
                LimitSettings { $($name: self.$name.unwrap_or(rest.$name),)+ }
            }
        }
    };
}

limit_settings! {
    /// Linear memory of all memories of all instances together.
    memory: ByteSize = ByteSize::mib(64), ByteSize::mib(256);
    /// Processor time of one call.
    cpu: Span = Span::millis(500), Span::secs(10);
    /// Time from the start of a call to its end, waiting included.
    wall: Span = Span::secs(30), Span::secs(300);
    /// Handles held at once.
    handles: usize = 4096, 16_384;
    /// Bytes that cross to the host in one host call, or with the answer.
    host_call: ByteSize = ByteSize::mib(16), ByteSize::mib(64);
    /// Bytes of the answer.
    output: ByteSize = ByteSize::mib(1), ByteSize::mib(8);
    /// Lines of the log; later ones are dropped and counted.
    log_lines: usize = 1000, 1000;
    /// Bytes of one line; the rest is cut.
    log_line: ByteSize = ByteSize::kib(4), ByteSize::kib(16);
    /// Bytes of all lines; later ones are dropped and counted.
    log_bytes: ByteSize = ByteSize::mib(4), ByteSize::mib(16);
    /// Random bytes of one request.
    random: ByteSize = ByteSize::kib(64), ByteSize::mib(1);
    /// Random bytes of the call.
    random_total: ByteSize = ByteSize::mib(1), ByteSize::mib(16);
    /// Operations on key-value stores.
    kv_operations: u64 = 1000, 10_000;
    /// Bytes of keys and values that these carry, both ways.
    kv_traffic: ByteSize = ByteSize::mib(16), ByteSize::mib(64);
    /// Progress reports, pieces of partial output and checkpoints.
    progress_messages: u64 = 1000, 10_000;
    /// Bytes that these carry.
    progress_bytes: ByteSize = ByteSize::mib(4), ByteSize::mib(16);
    /// Assets opened and made.
    assets: u64 = 16, 64;
    /// Bytes of all assets opened and made.
    asset_total: ByteSize = ByteSize::mib(64), ByteSize::mib(256);
}

impl LimitSettings {
    /// Reads `[sandbox.ceiling]`.
    pub(super) fn read_ceiling<'de, D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Ok(Partial::deserialize(reader)?.over(Self::ceiling()))
    }

    /// These limits, with those that other sections set from `rest`.
    pub(super) fn over(&self, rest: CallLimits) -> CallLimits {
        CallLimits {
            memory: self.memory,
            cpu: self.cpu.duration(),
            wall: self.wall.duration(),
            handles: self.handles,
            host_call_bytes: self.host_call,
            output: self.output,
            log_lines: self.log_lines,
            log_line: self.log_line,
            log_bytes: self.log_bytes,
            random: self.random,
            random_total: self.random_total,
            kv_operations: self.kv_operations,
            kv_traffic: self.kv_traffic,
            progress_messages: self.progress_messages,
            progress_bytes: self.progress_bytes,
            assets: self.assets,
            asset_total: self.asset_total,
            ..rest
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::sandbox::SandboxSettings;
    use crate::model::units::{ByteSize, Span};

    use super::*;

    #[test]
    fn a_ceiling_written_in_part_keeps_the_rest_of_the_ceiling() -> Result<(), toml::de::Error> {
        let settings: SandboxSettings = toml::from_str("[ceiling]\nmemory = \"512MiB\"\n")?;
        assert_eq!(settings.ceiling, LimitSettings { memory: ByteSize::mib(512), ..LimitSettings::ceiling() });
        assert_eq!(settings.ceiling.cpu, Span::secs(10));
        Ok(())
    }

    #[test]
    fn settings_and_model_agree_on_the_defaults() {
        assert_eq!(SandboxSettings::default().default_limits(), CallLimits::default());
    }
}
