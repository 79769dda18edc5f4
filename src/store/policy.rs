//! The platform's policy: what addons may be given at most, and who lets them into the registry.
//!
//! The settings give the first one. An admin who changes it stores a whole one, which then holds in every process;
//! changed by compare-and-set on a revision that counts up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::addons::{AddonSettings, ApprovalMode};
use crate::config::ceilings::as_ceilings;
use crate::config::signatures::SignatureMode;
use crate::model::budget::Budget;
use crate::model::capability::CapabilityKind;
use crate::model::ceiling::{Bounds, Ceiling, Ceilings};
use crate::model::id::AddonId;
use crate::model::units::ByteSize;
use crate::store::control::{CHANNEL, Message};
use crate::store::{Store, StoreError, script};

/// Bytes of one addon's state where the settings name no ceiling: Redis holds them in memory, and a manifest may ask
/// for any number.
const DEFAULT_KV_CEILING: ByteSize = ByteSize::mib(64);

/// What holds for every addon, and for those of one publisher in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// Who lets a published version into the registry.
    pub approval: ApprovalMode,
    /// What a missing or wrong signature means; what the settings say where an admin left it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<SignatureMode>,
    /// The most that any addon may be given.
    pub ceilings: Ceilings,
    /// What any enablement may use within a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// By what stands before the dot of addon ids.
    pub namespaces: BTreeMap<String, NamespacePolicy>,
}

/// What holds for the addons of one publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespacePolicy {
    /// In the place of the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalMode>,
    /// In the place of the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<SignatureMode>,
    /// Each in the place of the platform's of the same kind.
    #[serde(skip_serializing_if = "Ceilings::is_empty")]
    pub ceilings: Ceilings,
    /// In the place of the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

impl Policy {
    /// What the settings say.
    #[must_use]
    pub fn of(settings: &AddonSettings) -> Self {
        let kv = Ceiling::bytes(DEFAULT_KV_CEILING.as_u64());
        let unwritten = [CapabilityKind::Kv, CapabilityKind::KvShared].map(|kind| (kind, kv.clone()));
        let own = |(name, settings): (&String, &crate::config::ceilings::NamespaceSettings)| {
            let policy = NamespacePolicy {
                approval: None,
                signatures: settings.signatures,
                ceilings: as_ceilings(&settings.ceilings),
                budget: None,
            };
            (name.clone(), policy)
        };
        Self {
            approval: settings.approval,
            signatures: Some(settings.signatures),
            ceilings: unwritten.into_iter().chain(as_ceilings(&settings.ceilings)).collect(),
            budget: None,
            namespaces: settings.namespaces.iter().filter(|(_, own)| own.has_policy()).map(own).collect(),
        }
    }

    /// The ceilings that an addon stands under.
    #[must_use]
    pub fn bounds(&self, addon: &AddonId) -> Bounds {
        let own = self.namespaces.get_key_value(addon.publisher());
        Bounds::new(&self.ceilings, own.map(|(name, policy)| (name.as_str(), &policy.ceilings)))
    }

    /// What a missing or wrong signature means for the addons of a publisher: what is said of it alone wins over what is
    /// said of all, and an admin over the settings.
    #[must_use]
    pub fn signatures_of(&self, publisher: &str, settings: &AddonSettings) -> SignatureMode {
        let own = self.namespaces.get(publisher).and_then(|own| own.signatures);
        let unsaid =
            || settings.namespaces.get(publisher).and_then(|own| own.signatures).unwrap_or(settings.signatures);
        own.or(self.signatures).unwrap_or_else(unsaid)
    }

    /// What an enablement of an addon may use within a day.
    #[must_use]
    pub fn budget_of(&self, addon: &AddonId) -> Option<&Budget> {
        let own = self.namespaces.get(addon.publisher()).and_then(|own| own.budget.as_ref());
        own.or(self.budget.as_ref())
    }

    /// Who lets a version of an addon into the registry.
    #[must_use]
    pub fn approval_of(&self, addon: &AddonId) -> ApprovalMode {
        self.namespaces.get(addon.publisher()).and_then(|own| own.approval).unwrap_or(self.approval)
    }
}

/// The policy that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRecord {
    /// What it says.
    pub policy: Policy,
    /// Counts the changes, from 1; 0 is what the settings say.
    #[serde(default)]
    pub revision: u64,
    /// When an admin stored it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
}

/// Where the policy is kept.
#[derive(Clone, Debug)]
pub struct Policies {
    store: Store,
}

/// Noun of the one record.
const POLICY: &str = "policy";

impl Policies {
    /// The policy in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// What an admin stored; none before the first time.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self) -> Result<Option<PolicyRecord>, StoreError> {
        let mut command = redis::cmd("GET");
        command.arg(self.store.only_key(POLICY));
        let text: Option<String> = self.store.ask(&command).await?;
        let decode = |text: &str| {
            let json = text.split_once(' ').map_or(text, |(_, json)| json);
            serde_json::from_str(json).map_err(StoreError::corrupt("policy"))
        };
        text.as_deref().map(decode).transpose()
    }

    /// Stores `policy` if the stored one still has `expected_revision` (0: only if there is none), and makes every
    /// process forget the old one. Answers the record, or none where somebody was quicker.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn put(
        &self,
        expected_revision: u64,
        policy: Policy,
        now: DateTime<Utc>,
    ) -> Result<Option<PolicyRecord>, StoreError> {
        let revision = expected_revision.saturating_add(1);
        let record = PolicyRecord { policy, revision, updated_at: Some(now) };
        let json = serde_json::to_string(&record).map_err(StoreError::unwritable("policy"))?;
        let message =
            serde_json::to_string(&Message::PolicyChanged).map_err(StoreError::unwritable("control message"))?;
        let mut invocation = script::POLICY_PUT.prepare_invoke();
        invocation
            .key(self.store.only_key(POLICY))
            .arg(expected_revision)
            .arg(format!("{revision} {json}"))
            .arg(self.store.only_key(CHANNEL))
            .arg(message);
        let is_stored: bool = self.store.run(&invocation).await?;
        Ok(is_stored.then_some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Use;

    #[test]
    fn a_namespace_may_have_rules_of_its_own() -> Result<(), Box<dyn std::error::Error>> {
        let mut policy = Policy::of(&AddonSettings::default());
        let own = NamespacePolicy {
            approval: Some(ApprovalMode::Auto),
            signatures: None,
            ceilings: Ceilings::from([(CapabilityKind::Kv, Ceiling::bytes(1))]),
            budget: None,
        };
        policy.namespaces.insert(String::from("acme"), own);
        let (acme, other) = (AddonId::parse("acme.art")?, AddonId::parse("other.art")?);
        assert_eq!((policy.approval_of(&acme), policy.approval_of(&other)), (ApprovalMode::Auto, ApprovalMode::Manual));
        let two = Use::Kv { bytes: 2 };
        assert_eq!((policy.bounds(&acme).allows(&two), policy.bounds(&other).allows(&two)), (false, true));
        assert!(!policy.bounds(&other).allows(&Use::Kv { bytes: DEFAULT_KV_CEILING.as_u64() + 1 }));
        Ok(())
    }

    #[test]
    fn what_is_said_of_one_publisher_wins_and_an_admin_wins_over_the_settings() {
        use SignatureMode::{Off, Require, Warn};
        for (settings, settings_acme, admin, admin_acme, expected) in [
            (Require, None, None, None, Require),
            (Require, Some(Warn), None, None, Warn),
            (Require, None, Some(Warn), None, Warn),
            (Require, Some(Off), Some(Warn), None, Warn),
            (Require, Some(Off), Some(Warn), Some(Require), Require),
            (Off, None, None, Some(Require), Require),
        ] {
            let mut written = AddonSettings { signatures: settings, ..AddonSettings::default() };
            written.namespaces.entry(String::from("acme")).or_default().signatures = settings_acme;
            let mut policy = Policy { signatures: admin, ..Policy::default() };
            policy.namespaces.entry(String::from("acme")).or_default().signatures = admin_acme;
            let mode = policy.signatures_of("acme", &written);
            assert_eq!(mode, expected, "{settings:?} {settings_acme:?} {admin:?} {admin_acme:?}");
            assert_eq!(policy.signatures_of("other", &written), admin.unwrap_or(settings));
            let unwritten = Policy::of(&written).signatures_of("acme", &written);
            assert_eq!(unwritten, settings_acme.unwrap_or(settings), "an admin said nothing");
        }
    }

    #[test]
    fn a_policy_of_an_older_version_still_reads() -> Result<(), serde_json::Error> {
        let record: PolicyRecord = serde_json::from_str(r#"{"policy":{"later":true},"revision":3}"#)?;
        assert_eq!((record.revision, record.policy), (3, Policy::default()));
        Ok(())
    }
}
