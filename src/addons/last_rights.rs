//! What an enablement may do, kept for as long as the policy is the same one.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::right::Rights;
use crate::store::policy::PolicyRecord;

/// An answer, and the policy that it was made under.
type Made = (Arc<PolicyRecord>, Arc<Rights>);

/// The last rights of one enablement that runs; made anew when the policy is another one.
#[derive(Debug, Default)]
pub(super) struct LastRights(Mutex<Option<Made>>);

impl LastRights {
    /// The rights under `policy`.
    pub(super) fn under(&self, policy: &Arc<PolicyRecord>, make: impl FnOnce() -> Rights) -> Arc<Rights> {
        let mut last = self.0.lock();
        if let Some((made_under, rights)) = last.as_ref()
            && Arc::ptr_eq(made_under, policy)
        {
            return Arc::clone(rights);
        }
        let rights = Arc::new(make());
        *last = Some((Arc::clone(policy), Arc::clone(&rights)));
        rights
    }
}
