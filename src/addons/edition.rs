//! What all enablements of one version share: its manifest, and the schemas that it declares, compiled.
//!
//! A compiled schema is far larger than its text, so each is kept once a
//! version and not once a user.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::manifest::{ActionSpec, Manifest};
use crate::model::schema::{self, Schema};
use crate::model::signature::PublisherKeyId;
use crate::store::addons::{VersionRecord, VersionSignature};

/// One version of an addon, ready to be called.
pub(super) struct Edition {
    pub(super) manifest: Arc<Manifest>,
    /// Made when an action is first called: a load needs none of them.
    schemas: OnceLock<Schemas>,
    /// The key that signed it, and when that counts as done.
    pub(super) signed: Option<(PublisherKeyId, DateTime<Utc>)>,
}

/// The compiled schemas by the name of their action.
struct Schemas {
    params: HashMap<String, Schema>,
    results: HashMap<String, Schema>,
}

impl Edition {
    pub(super) fn of(record: VersionRecord) -> Self {
        let signed = record.signature.as_ref().map(VersionSignature::signer);
        Self { manifest: Arc::new(record.manifest), schemas: OnceLock::new(), signed }
    }

    /// The schema of an action's parameters, where it declares one.
    pub(super) fn params(&self, action: &str) -> Option<&Schema> {
        self.schemas().params.get(action)
    }

    /// The schema of an action's result, where it declares one.
    pub(super) fn result(&self, action: &str) -> Option<&Schema> {
        self.schemas().results.get(action)
    }

    fn schemas(&self) -> &Schemas {
        self.schemas.get_or_init(|| {
            let compiled = |pick: fn(&ActionSpec) -> Option<&Value>| {
                let actions = self.manifest.actions.iter();
                actions.filter_map(|action| Some((action.name.clone(), schema::compile(pick(action)?).ok()?))).collect()
            };
            Schemas {
                params: compiled(|action| action.params.as_ref()),
                results: compiled(|action| action.result.as_ref()),
            }
        })
    }
}
