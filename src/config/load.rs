//! Reading settings: a file under the environment, both over the defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::config::Config;

/// What every variable of ours starts with.
const PREFIX: &str = "SEMANTEST_";
/// What a variable ends with when it names a file that holds the value.
const FILE_SUFFIX: &str = "_FILE";

/// Variables whose name is not made of section and key, and the setting that each one sets.
const SHORT_NAMES: [(&str, &[&str]); 7] = [
    // `REDIS_URL` stands first, so that `SEMANTEST_REDIS_URL` wins over it.
    ("REDIS_URL", &["redis", "url"]),
    ("SEMANTEST_REDIS_URL", &["redis", "url"]),
    ("SEMANTEST_LOG", &["log", "filter"]),
    ("SEMANTEST_LOG_FORMAT", &["log", "format"]),
    ("SEMANTEST_MASTER_KEY", &["secrets", "master_key"]),
    ("SEMANTEST_VALUE_KEYS", &["secrets", "value_keys"]),
    ("SEMANTEST_PUBLIC_URL", &["server", "public_url"]),
];

/// Variables of ours that are no settings: scripts, the `addon` commands and tests read them, and a shell that has them set
/// for those must be able to start the server too.
const NO_SETTINGS: [&str; 9] = [
    "SEMANTEST_BIN",
    "SEMANTEST_GUEST_CARGO",
    "SEMANTEST_KEY",
    "SEMANTEST_REDIS_BIN",
    "SEMANTEST_REGISTRY_BIN",
    "SEMANTEST_SERVER",
    "SEMANTEST_WASM_CACHE",
    "SEMANTEST_WASM_ROUTE",
    "SEMANTEST_WRITE_SNAPSHOTS",
];

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The settings file is not TOML.
    #[error("the settings file {} is not TOML: {source}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The file that a variable names cannot be read.
    #[error("cannot read the file {} that {variable} names", .path.display())]
    SecretFile {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A variable that starts like ours and is none.
    #[error("{0} is no setting: write SEMANTEST_<SECTION>__<KEY> (two underscores), as in SEMANTEST_SERVER__LISTEN")]
    Variable(String),
    /// A key or value that no setting has.
    #[error("the settings do not fit: {0}; `config.default.toml` shows every setting")]
    Shape(#[source] Box<toml::de::Error>),
    /// Settings that are fine alone and wrong together.
    #[error("the settings contradict: {0}")]
    Contradiction(String),
}

/// The variables that settings are read from; a map, so that tests need not touch the process.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// Just these variables.
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// The value of `name`, or the trimmed content of the file that `<name>_FILE` names.
    fn value(&self, name: &str) -> Result<Option<String>, ConfigError> {
        if let Some(value) = self.0.get(name) {
            return Ok(Some(value.clone()));
        }
        let variable = format!("{name}{FILE_SUFFIX}");
        let Some(path) = self.0.get(&variable).map(PathBuf::from) else { return Ok(None) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(source) => Err(ConfigError::SecretFile { variable, path, source }),
        }
    }

    /// The variables of the form `SEMANTEST_<SECTION>__<KEY>`, as path and value.
    fn settings(&self) -> Result<Vec<(Vec<String>, String)>, ConfigError> {
        let mut settings = Vec::new();
        for variable in self.0.keys() {
            let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
            let name = variable.strip_suffix(FILE_SUFFIX).unwrap_or(variable);
            if NO_SETTINGS.contains(&variable.as_str()) || SHORT_NAMES.iter().any(|(short, _)| *short == name) {
                continue;
            }
            if !rest.contains("__") {
                return Err(ConfigError::Variable(variable.clone()));
            }
            let is_file = variable.ends_with(FILE_SUFFIX);
            let rest = if is_file { rest.strip_suffix(FILE_SUFFIX).unwrap_or(rest) } else { rest };
            let path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
            if let Some(value) = self.value(name)? {
                settings.push((path, value));
            }
        }
        Ok(settings)
    }
}

impl Config {
    /// Reads the defaults, then `file`, then `environment`, and checks that they fit together.
    ///
    /// # Errors
    /// [`ConfigError`] says which file, variable or key is wrong and what would be right.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut table = match file {
            Some(path) => read(path)?,
            None => Table::new(),
        };
        for (name, path) in SHORT_NAMES {
            if let Some(value) = environment.value(name)? {
                let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
                set(&mut table, &path, Value::String(value));
            }
        }
        for (path, text) in environment.settings()? {
            set(&mut table, &path, as_value(&text));
        }
        let config: Self = Value::Table(table).try_into().map_err(|error| ConfigError::Shape(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    text.parse().map_err(|source| ConfigError::Syntax { path: path.to_owned(), source: Box::new(source) })
}

/// Reads a variable's text as TOML would (`8`, `true`, `["a"]`), and as plain text where it is none of that.
fn as_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .filter(|value| !matches!(value, Value::Datetime(_)))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [section, rest @ ..] => {
            let entry = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = entry {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn none() -> Environment {
        Environment::default()
    }

    #[test]
    fn the_default_file_is_the_default() -> Result<(), Box<dyn std::error::Error>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.default.toml");
        let config = Config::load(Some(&path), &none())?;
        assert_eq!(toml::Table::try_from(&config)?, toml::Table::try_from(Config::default())?);
        Ok(())
    }

    #[test]
    fn the_environment_wins_over_the_file() -> Result<(), Box<dyn std::error::Error>> {
        let mut file = tempfile::NamedTempFile::new()?;
        writeln!(file, "[server]\nlisten = \"127.0.0.1:1\"\n[redis]\nurl = \"redis://file\"")?;
        let environment = Environment::of([
            ("SEMANTEST_SERVER__LISTEN", "127.0.0.1:2"),
            ("REDIS_URL", "redis://plain"),
            ("SEMANTEST_REDIS_URL", "redis://ours"),
            ("PATH", "/bin"),
        ]);
        let config = Config::load(Some(file.path()), &environment)?;
        assert_eq!(config.server.listen.port(), 2);
        assert_eq!(config.redis.url, "redis://ours");
        Ok(())
    }

    #[test]
    fn a_secret_may_come_from_a_file() -> Result<(), Box<dyn std::error::Error>> {
        let mut file = tempfile::NamedTempFile::new()?;
        writeln!(file, "redis://from-a-file")?;
        let name = file.path().display().to_string();
        let config = Config::load(None, &Environment::of([("SEMANTEST_REDIS_URL_FILE", name)]))?;
        assert_eq!(config.redis.url, "redis://from-a-file");
        Ok(())
    }

    #[test]
    fn what_a_script_reads_does_not_stop_the_server() -> Result<(), Box<dyn std::error::Error>> {
        let mut names = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts"))? {
            let text = std::fs::read_to_string(entry?.path())?;
            let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
            names.extend(words.filter(|word| word.starts_with(PREFIX)).map(str::to_owned));
        }
        assert!(names.contains("SEMANTEST_REDIS_BIN"));
        for name in names {
            assert!(
                Config::load(None, &Environment::of([(name.as_str(), "/x")])).is_ok(),
                "list {name} in NO_SETTINGS"
            );
        }
        Ok(())
    }

    #[test]
    fn a_typo_is_refused_by_name() {
        for (variable, expected) in [
            ("SEMANTEST_SERVER_LISTEN", "two underscores"),
            ("SEMANTEST_SERVER__LISTNE", "listne"),
            ("SEMANTEST_SEVER__LISTEN", "sever"),
        ] {
            let error = Config::load(None, &Environment::of([(variable, "127.0.0.1:2")])).err();
            let text = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(text.contains(expected), "{variable}: {text}");
        }
    }
}
