//! What is logged, and how. Logs go to stderr alone.

use serde::{Deserialize, Serialize};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// For people.
    Pretty,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Directives such as `info,semantest::host=debug`. `SEMANTEST_LOG` wins.
    pub filter: String,
    /// `json` or `pretty`. `SEMANTEST_LOG_FORMAT` wins.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: String::from("info"), format: LogFormat::Json }
    }
}
