//! Whose value of an addon's secret something is, and where it is kept: the names that secrets and erasing share.

use std::fmt;

use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::Store;

/// Noun of a scope's secrets: a hash, a field a name.
const VALUES: &str = "secrets";

/// Whose value of an addon's secret something is. A user's wins over its client's, and that one over the publisher's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretScope {
    /// One user's.
    User {
        /// The tenant.
        client: ClientId,
        /// Its end user.
        user: UserId,
        /// The addon.
        addon: AddonId,
    },
    /// A client's, for all of its users.
    Client {
        /// The tenant.
        client: ClientId,
        /// The addon.
        addon: AddonId,
    },
    /// The publisher's default, for everybody; an admin sets it.
    Publisher {
        /// The addon.
        addon: AddonId,
    },
}

impl SecretScope {
    /// The three scopes that a user's addon gets its secrets from, in the order in which they win.
    #[must_use]
    pub fn of(client: &ClientId, user: &UserId, addon: &AddonId) -> [Self; 3] {
        let (client, user, addon) = (client.clone(), user.clone(), addon.clone());
        [
            Self::User { client: client.clone(), user, addon: addon.clone() },
            Self::Client { client, addon: addon.clone() },
            Self::Publisher { addon },
        ]
    }

    /// Whose it is in one word: `user`, `client` or `publisher`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Client { .. } => "client",
            Self::Publisher { .. } => "publisher",
        }
    }

    /// The addon.
    #[must_use]
    pub const fn addon(&self) -> &AddonId {
        match self {
            Self::User { addon, .. } | Self::Client { addon, .. } | Self::Publisher { addon } => addon,
        }
    }

    /// The tenant, where it is one's.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::User { client, .. } | Self::Client { client, .. } => Some(client),
            Self::Publisher { .. } => None,
        }
    }

    /// The user, where it is one's.
    #[must_use]
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User { user, .. } => Some(user),
            Self::Client { .. } | Self::Publisher { .. } => None,
        }
    }

    /// What names it: neither a client nor an addon has a colon, and the user comes last.
    pub(super) fn parts(&self) -> [&str; 4] {
        match self {
            Self::User { client, user, addon } => [self.as_str(), client.as_str(), addon.as_str(), user.as_str()],
            Self::Client { client, addon } => [self.as_str(), client.as_str(), addon.as_str(), ""],
            Self::Publisher { addon } => [self.as_str(), "", addon.as_str(), ""],
        }
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        let (kind, client, addon, user) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let addon = AddonId::parse(addon).ok()?;
        match kind {
            "user" => {
                Some(Self::User { client: ClientId::parse(client).ok()?, user: UserId::parse(user).ok()?, addon })
            }
            "client" => Some(Self::Client { client: ClientId::parse(client).ok()?, addon }),
            "publisher" => Some(Self::Publisher { addon }),
            _ => None,
        }
    }

    /// The key of its secrets.
    pub(super) fn key(&self, store: &Store) -> String {
        store.key(VALUES, &self.to_string())
    }
}

impl fmt::Display for SecretScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, client, addon, user] = self.parts();
        write!(f, "{kind}:{client}:{addon}:{user}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_back_what_it_is_written_as() -> Result<(), crate::model::id::IdError> {
        let (client, user, addon) = (ClientId::parse("acme")?, UserId::parse("a:b:c")?, AddonId::parse("acme.art")?);
        for scope in SecretScope::of(&client, &user, &addon) {
            assert_eq!(SecretScope::parse(&scope.to_string()), Some(scope));
        }
        for text in ["", "user:acme:acme.art", "other:a:acme.art:", "user:acme:nothing:x"] {
            assert_eq!(SecretScope::parse(text), None, "{text}");
        }
        Ok(())
    }
}
