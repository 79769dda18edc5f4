//! A component that is linked: its imports are bound, its exports are found.

use crate::host::exports::Exports;
use crate::host::interface::InterfaceSet;
use crate::model::digest::Digest;

/// A component linked with one set of doors.
pub(super) struct Linked {
    digest: Digest,
    interfaces: InterfaceSet,
    exports: Exports,
}

impl Linked {
    pub(super) const fn new(digest: Digest, interfaces: InterfaceSet, exports: Exports) -> Self {
        Self { digest, interfaces, exports }
    }

    pub(super) const fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(super) const fn interfaces(&self) -> InterfaceSet {
        self.interfaces
    }

    pub(super) const fn exports(&self) -> &Exports {
        &self.exports
    }
}
