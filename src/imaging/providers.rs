//! The kinds of provider that are built in: to add one, write its file and its line here.

pub mod openai;
pub mod sketch;

use std::sync::Arc;

use crate::config::imaging::ProviderSettings;
use crate::imaging::error::BuildError;
use crate::imaging::provider::{Kind, Parts, Provider};

/// Every kind there is, by name.
pub const BUILTIN: &[Kind] = &[openai::KIND, sketch::KIND];

/// The names that are providers without being configured, in the kind of the same name.
pub const ALWAYS: [&str; 2] = [openai::KIND.name, sketch::KIND.name];

/// Makes the provider `name`; its kind is its own name unless it says otherwise.
///
/// # Errors
/// [`BuildError`] for a kind that does not exist, or settings that do not fit it.
pub(crate) fn build(
    name: &str,
    settings: &ProviderSettings,
    parts: &Parts,
) -> Result<(&'static str, Arc<dyn Provider>), BuildError> {
    let wanted = settings.kind.as_deref().unwrap_or(name);
    let Some(kind) = BUILTIN.iter().find(|kind| kind.name == wanted) else {
        return Err(BuildError::UnknownKind {
            name: name.to_owned(),
            kind: wanted.to_owned(),
            known: BUILTIN.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "),
        });
    };
    Ok((kind.name, (kind.build)(name, settings, parts)?))
}

/// Refuses settings that `kind` would silently ignore.
fn refuse_settings(name: &str, kind: &'static str, set: &[(&'static str, bool)]) -> Result<(), BuildError> {
    match set.iter().find(|(_, is_set)| *is_set) {
        Some((setting, _)) => Err(BuildError::NoSuchSetting { name: name.to_owned(), kind, setting }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name() {
        let mut names: Vec<&str> = BUILTIN.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BUILTIN.len());
    }
}
