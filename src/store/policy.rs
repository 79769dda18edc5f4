//! What an admin decided while the platform runs: it wins over the settings.
//!
//! One hash, a field a decision. What is not there is as the settings say.

use std::collections::BTreeMap;

use crate::config::signatures::{SignatureMode, SignatureSettings};
use crate::store::{Store, StoreError};

/// What an admin decided about signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// For the platform.
    pub mode: Option<SignatureMode>,
    /// For single namespaces.
    pub namespaces: BTreeMap<String, SignatureMode>,
}

impl SignaturePolicy {
    /// What holds for a namespace: what is said of it alone wins over what is said of all, and an admin over the
    /// settings.
    #[must_use]
    pub fn mode_of(&self, namespace: &str, settings: &SignatureSettings) -> SignatureMode {
        let alone = self.namespaces.get(namespace).or_else(|| settings.namespaces.get(namespace)).copied();
        alone.or(self.mode).unwrap_or(settings.mode)
    }
}

/// The book of decisions.
#[derive(Clone, Debug)]
pub struct Policies {
    store: Store,
}

/// Noun of the one hash.
const POLICY: &str = "policy";
/// The field of the platform's mode.
const SIGNATURES: &str = "signatures";
/// What a namespace's field begins with; no namespace has a colon.
const OF_NAMESPACE: &str = "signatures:";

impl Policies {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// What was decided about signatures.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn signatures(&self) -> Result<SignaturePolicy, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.store.only_key(POLICY));
        let fields: BTreeMap<String, String> = self.store.ask(&command).await?;
        let mut policy = SignaturePolicy::default();
        for (field, value) in &fields {
            let Some(mode) = SignatureMode::parse(value) else { continue };
            if field == SIGNATURES {
                policy.mode = Some(mode);
            } else if let Some(namespace) = field.strip_prefix(OF_NAMESPACE) {
                policy.namespaces.insert(namespace.to_owned(), mode);
            }
        }
        Ok(policy)
    }

    /// Decides for one namespace, or for the platform where none is named; no mode takes the decision back.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn set_signatures(&self, namespace: Option<&str>, mode: Option<SignatureMode>) -> Result<(), StoreError> {
        let field = namespace.map_or_else(|| SIGNATURES.to_owned(), |name| format!("{OF_NAMESPACE}{name}"));
        let key = self.store.only_key(POLICY);
        match mode {
            Some(mode) => {
                let mut command = redis::cmd("HSET");
                command.arg(key).arg(field).arg(mode.as_str());
                self.store.ask(&command).await
            }
            None => {
                let mut command = redis::cmd("HDEL");
                command.arg(key).arg(field);
                self.store.ask(&command).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_one_namespace_wins_and_an_admin_wins_over_the_settings() {
        use SignatureMode::{Off, Require, Warn};
        let map = |mode: Option<SignatureMode>| mode.map(|mode| (String::from("acme"), mode)).into_iter().collect();
        for (settings, settings_acme, admin, admin_acme, expected) in [
            (Require, None, None, None, Require),
            (Require, Some(Warn), None, None, Warn),
            (Require, None, Some(Warn), None, Warn),
            (Require, Some(Off), Some(Warn), None, Off),
            (Require, Some(Off), Some(Warn), Some(Require), Require),
            (Off, None, None, Some(Require), Require),
        ] {
            let settings = SignatureSettings { mode: settings, namespaces: map(settings_acme) };
            let policy = SignaturePolicy { mode: admin, namespaces: map(admin_acme) };
            assert_eq!(policy.mode_of("acme", &settings), expected, "{settings:?} {policy:?}");
        }
    }
}
