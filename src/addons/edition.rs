//! What all enablements of one version share: its manifest, and the schemas that it declares, compiled.
//!
//! A compiled schema is far larger than its text, so each is kept once a
//! version and not once a user.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::addons::error::Fault;
use crate::model::manifest::{ActionSpec, Manifest};
use crate::model::schema::{self, Schema};
use crate::model::signature::PublisherKeyId;
use crate::model::units::ByteSize;
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

    /// Everything that keeps `params` from being an action's parameters; they must be an object where it declares no
    /// schema, and no larger than `limit` in any case.
    pub(super) fn params_faults(&self, action: &str, params: &Value, limit: ByteSize) -> Vec<Fault> {
        let fault = |pointer: &str, message: String| Fault { pointer: format!("/params{pointer}"), message };
        let size = params.to_string().len();
        if size > limit.as_usize() {
            return vec![fault("", format!("is {size} bytes, at most {limit} are taken"))];
        }
        match self.schemas().params.get(action) {
            Some(schema) => {
                schema.faults(params).into_iter().map(|found| fault(&found.pointer, found.message)).collect()
            }
            None if params.is_object() => Vec::new(),
            None => vec![fault("", String::from("is not an object"))],
        }
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
