//! The doors beyond the baseline: one bit each, because a linker is made per set of them.

use crate::model::capability::CapabilityKind;
use crate::model::grants::Grants;

/// A door that needs a grant and that this host opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// `semantest:addon/kv`.
    Kv,
    /// `semantest:addon/kv-shared`.
    KvShared,
    /// `semantest:addon/events`.
    Events,
    /// `semantest:addon/secrets`.
    Secrets,
    /// `semantest:addon/secrets-reveal`.
    SecretsReveal,
    /// `wasi:http/outgoing-handler`, with the types that it takes.
    Http,
    /// `semantest:addon/images`.
    Images,
    /// `semantest:addon/jobs`.
    Jobs,
}

impl Interface {
    /// Every door this host opens.
    pub const ALL: [Self; 8] = [
        Self::Kv,
        Self::KvShared,
        Self::Http,
        Self::Secrets,
        Self::SecretsReveal,
        Self::Images,
        Self::Events,
        Self::Jobs,
    ];

    /// The capability that opens it.
    #[must_use]
    pub const fn capability(self) -> CapabilityKind {
        match self {
            Self::Kv => CapabilityKind::Kv,
            Self::KvShared => CapabilityKind::KvShared,
            Self::Events => CapabilityKind::Events,
            Self::Secrets => CapabilityKind::Secrets,
            Self::SecretsReveal => CapabilityKind::SecretsReveal,
            Self::Http => CapabilityKind::Http,
            Self::Images => CapabilityKind::Images,
            Self::Jobs => CapabilityKind::Jobs,
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::Kv => 1,
            Self::KvShared => 1 << 6,
            Self::Events => 1 << 7,
            Self::Secrets => 1 << 2,
            Self::SecretsReveal => 1 << 3,
            Self::Http => 1 << 1,
            Self::Images => 1 << 4,
            Self::Jobs => 1 << 5,
        }
    }
}

/// Which doors are linked for a component; what is not in the set does not exist for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterfaceSet(u16);

impl InterfaceSet {
    /// The baseline alone.
    pub const BASELINE: Self = Self(0);

    /// The doors that a user's grants open.
    #[must_use]
    pub fn granted(grants: &Grants) -> Self {
        Interface::ALL.into_iter().filter(|interface| grants.has(interface.capability())).collect()
    }

    /// The same set with one door more.
    #[must_use]
    pub const fn with(self, interface: Interface) -> Self {
        Self(self.0 | interface.bit())
    }

    /// Whether a door is open.
    #[must_use]
    pub const fn has(self, interface: Interface) -> bool {
        self.0 & interface.bit() != 0
    }

    /// The open doors, in the order of [`Interface::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Interface> {
        Interface::ALL.into_iter().filter(move |interface| self.has(*interface))
    }
}

impl FromIterator<Interface> for InterfaceSet {
    fn from_iter<I: IntoIterator<Item = Interface>>(interfaces: I) -> Self {
        interfaces.into_iter().fold(Self::BASELINE, Self::with)
    }
}
