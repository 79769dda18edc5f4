//! What an addon may really do for a user: what the manifest asks for ∩ what the platform allows ∩ what the user gave.
//!
//! One function, [`Rights::decide`], says yes or no to a use and names the rule of each of the three keys. Whoever
//! denies a guest something asks it, and so does whoever explains beforehand: the two cannot differ.

#[cfg(test)]
mod properties;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::capability::CapabilityKind;
use crate::model::ceiling::Bounds;
use crate::model::grants::Grants;
use crate::model::manifest::Manifest;
use crate::model::usage::Use;

/// Who has to say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// The publisher's manifest asks for it.
    Manifest,
    /// The admin's ceiling allows it.
    Ceiling,
    /// The user's grant gives it.
    Grant,
}

impl Key {
    /// The key as it is written, such as `ceiling`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Ceiling => "ceiling",
            Self::Grant => "grant",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one key says to a use, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyAnswer {
    /// Which key.
    pub key: Key,
    /// Whether it says yes.
    pub allows: bool,
    /// The rule in plain words, a sentence without its full stop.
    pub rule: String,
    /// Whether it lets the interface be there at all.
    #[serde(skip)]
    opens: bool,
}

/// What all three keys say to one use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The use.
    pub asked: Use,
    /// In the order of [`Key`].
    pub keys: [KeyAnswer; 3],
}

/// Why a use is denied: the key that says no, and its rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("may not {asked}: {rule}")]
pub struct Denial {
    /// The capability that it would be a use of.
    pub capability: CapabilityKind,
    /// Which key says no.
    pub key: Key,
    /// Its rule, in plain words.
    pub rule: String,
    /// The use, in plain words.
    pub asked: String,
}

impl Denial {
    /// The denial as an error's details: `{capability, key, rule}`.
    #[must_use]
    pub fn details(&self) -> serde_json::Value {
        serde_json::json!({ "capability": self.capability, "key": self.key, "rule": self.rule })
    }
}

impl Decision {
    /// Whether all three keys say yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.keys.iter().all(|answer| answer.allows)
    }

    /// Why not, where one says no. Of several the first; but one that keeps the whole interface shut comes before one
    /// that only minds this use of it, because that is what a guest meets first.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        let shut = self.keys.iter().find(|answer| !answer.opens);
        let answer = shut.or_else(|| self.keys.iter().find(|answer| !answer.allows))?;
        Some(Denial {
            capability: self.asked.kind(),
            key: answer.key,
            rule: answer.rule.clone(),
            asked: self.asked.to_string(),
        })
    }
}

/// The three keys of one enablement, and what they come to together.
#[derive(Clone, Debug, PartialEq)]
pub struct Rights {
    asked: Grants,
    bounds: Bounds,
    /// None while the user was asked and did not answer yet.
    given: Option<Grants>,
    effective: Grants,
}

impl Rights {
    /// Puts the three keys together. `given` is none while consent is missing.
    #[must_use]
    pub fn new(manifest: &Manifest, bounds: Bounds, given: Option<Grants>) -> Self {
        Self::of(Grants::requested(manifest), bounds, given)
    }

    fn of(asked: Grants, bounds: Bounds, given: Option<Grants>) -> Self {
        let effective = given.as_ref().map(|given| bounds.cut(&asked.intersect(given))).unwrap_or_default();
        Self { asked, bounds, given, effective }
    }

    /// What the addon may do: what all three keys allow, written in the one way that there is.
    #[must_use]
    pub const fn effective(&self) -> &Grants {
        &self.effective
    }

    /// What each key says to one use.
    #[must_use]
    pub fn decide(&self, asked: &Use) -> Decision {
        let none = Grants::default();
        let given = self.given.as_ref().unwrap_or(&none);
        let door = Use::Door(asked.kind());
        let keys = [
            KeyAnswer {
                key: Key::Manifest,
                allows: self.asked.allows(asked),
                rule: words::of_manifest(self.asked.capabilities(), asked.kind()),
                opens: self.asked.allows(&door),
            },
            KeyAnswer {
                key: Key::Ceiling,
                allows: self.bounds.allows(asked),
                rule: words::of_ceiling(&self.bounds, asked),
                opens: self.bounds.allows(&door),
            },
            KeyAnswer {
                key: Key::Grant,
                allows: given.allows(asked),
                rule: match &self.given {
                    Some(given) => words::of_grant(given.capabilities(), asked.kind()),
                    None => String::from("the user has not consented to this version yet"),
                },
                opens: given.allows(&door),
            },
        ];
        Decision { asked: asked.clone(), keys }
    }

    /// The first door of `kinds` that is not open, and why: a component that imports it cannot run.
    #[must_use]
    pub fn closed_door(&self, kinds: impl IntoIterator<Item = CapabilityKind>) -> Option<Denial> {
        kinds.into_iter().find_map(|kind| self.decide(&Use::Door(kind)).denial())
    }
}
