//! Which hook comes first: by phase, then by the user's order, then by who was enabled first, then by name.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::addons::running::Running;
use crate::model::id::AddonId;
use crate::model::manifest::{HookPhase, HookPoint, HookSpec};

/// One addon's hook in a chain.
pub(super) struct Link {
    pub(super) running: Arc<Running>,
    pub(super) spec: HookSpec,
}

/// A hook's place in the chain; the lowest runs first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    phase: HookPhase,
    order: i64,
    /// What never ran stands behind what did.
    was_never_enabled: bool,
    enabled_at: Option<DateTime<Utc>>,
    addon: &'a AddonId,
}

impl Link {
    fn place(&self) -> Place<'_> {
        let enablement = &self.running.enablement;
        Place {
            phase: self.spec.phase,
            order: enablement.order,
            was_never_enabled: enablement.enabled_at.is_none(),
            enabled_at: enablement.enabled_at,
            addon: &enablement.addon,
        }
    }
}

/// The hooks at `point` among a user's addons, in the order in which they run.
pub(super) fn in_order(addons: Vec<Arc<Running>>, point: HookPoint) -> Vec<Link> {
    let link = |running: Arc<Running>| {
        let spec = running.manifest.hook(point)?.clone();
        Some(Link { running, spec })
    };
    let mut links: Vec<Link> = addons.into_iter().filter_map(link).collect();
    links.sort_by(|one, other| one.place().cmp(&other.place()));
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn phase_counts_before_order_and_order_before_time_and_time_before_name() -> Result<(), crate::model::id::IdError> {
        use HookPhase::{First, Last, Normal};
        let (a, b) = (AddonId::parse("acme.a1")?, AddonId::parse("acme.b1")?);
        let at = |second: u64| Some(clock::from_ms(second.saturating_mul(1000)));
        let place = |phase, order, enabled_at: Option<DateTime<Utc>>, addon| Place {
            phase,
            order,
            was_never_enabled: enabled_at.is_none(),
            enabled_at,
            addon,
        };
        // Each stands before the next one, and so before all that follow.
        let chain = [
            place(First, 9, at(9), &b),
            place(Normal, -1, at(9), &b),
            place(Normal, 0, at(1), &b),
            place(Normal, 0, at(2), &a),
            place(Normal, 0, at(2), &b),
            place(Normal, 0, None, &a),
            place(Normal, 7, at(1), &a),
            place(Last, -9, at(0), &a),
        ];
        for (index, one) in chain.iter().enumerate() {
            for other in chain.iter().skip(index + 1) {
                assert!(one < other, "{one:?} is not before {other:?}");
            }
        }
        Ok(())
    }
}
