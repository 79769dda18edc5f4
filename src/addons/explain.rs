//! Asking beforehand whether an addon may do something, and by which rule.

use serde::Serialize;

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::{Addons, AddonsError};
use crate::model::capability::CapabilityKind;
use crate::model::lifecycle::EnablementState;
use crate::model::right::{Decision, Key, KeyAnswer};
use crate::model::usage::Use;
use crate::store::enablements::Enablement;

/// What the three keys say to one use, for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The addon.
    pub addon_id: String,
    /// The version that it is about.
    pub version: String,
    /// Where the enablement stands.
    pub state: EnablementState,
    /// The capability.
    pub capability: CapabilityKind,
    /// The use, in plain words.
    pub asked: String,
    /// Whether it would be done.
    pub allowed: bool,
    /// The first key that says no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_by: Option<Key>,
    /// All three keys: the publisher's manifest, the admin's ceiling, the user's grant.
    pub keys: [KeyAnswer; 3],
    /// The answer as one sentence.
    pub in_words: String,
}

impl Addons {
    /// Says whether an addon may do something for a user, and by which rules.
    ///
    /// # Errors
    /// [`AddonsError`]: the user never had this addon, it was never loaded, or a record cannot be read.
    pub async fn explain(&self, owner: &Owner, asked: &Use) -> Result<Explanation, AddonsError> {
        let record = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let record = self.settled(record.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?).await?;
        let Some(version) = &record.version else {
            return Err(AddonsError::conflict("the addon was never loaded for this user; PUT it first"));
        };
        let manifest = self.record(&owner.addon, version).await?.manifest;
        let given = is_consented(&record).then(|| record.grants.clone());
        let decision = self.inner.rights_of(&manifest, given).await?.decide(asked);
        Ok(explanation(&record, version.to_string(), decision))
    }
}

/// Whether the grants of the record are given, and not only proposed.
fn is_consented(record: &Enablement) -> bool {
    record.consent.is_some() && record.consent == record.digest
}

fn explanation(record: &Enablement, version: String, decision: Decision) -> Explanation {
    let capability = decision.asked.kind();
    let denial = decision.denial();
    let (addon, asked) = (&record.addon, decision.asked.to_string());
    let in_words = match &denial {
        Some(denial) => format!("No: `{addon}` {denial}."),
        None if record.state != EnablementState::Enabled => {
            format!("Yes, `{addon}` may {asked}; but nothing of it runs, since it is {}.", record.state)
        }
        None => format!("Yes: `{addon}` may {asked}."),
    };
    Explanation {
        addon_id: addon.to_string(),
        version,
        state: record.state,
        capability,
        allowed: decision.is_allowed(),
        denied_by: denial.map(|denial| denial.key),
        asked,
        keys: decision.keys,
        in_words,
    }
}
