//! Who must say yes, to what, and whether somebody did.

use crate::config::addons::ConsentMode;
use crate::model::digest::Digest;
use crate::model::manifest::Manifest;

/// Whether a component may run for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// Nothing is asked for, or the digest was consented to.
    Given,
    /// The user must name the digest first.
    Missing,
    /// The user named another digest: what they saw is not what would run.
    ForOther(Digest),
}

/// Decides by the platform's mode, what the manifest asks for, the digest that was named, and whether these grants of this
/// digest were consented to before.
pub(super) fn decide(
    mode: ConsentMode,
    manifest: &Manifest,
    resolved: &Digest,
    named: Option<&Digest>,
    stands: bool,
) -> Consent {
    match named {
        Some(digest) if digest.matches(resolved) => Consent::Given,
        Some(digest) => Consent::ForOther(*digest),
        None if stands || manifest.capabilities.is_empty() => Consent::Given,
        None => match mode {
            ConsentMode::Implied => Consent::Given,
            ConsentMode::Required => Consent::Missing,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(asks: bool) -> Result<Manifest, Box<dyn std::error::Error>> {
        let mut value = serde_json::json!({
            "id": "acme.art", "version": "1.0.0", "name": "Art", "description": "Art.", "actions": [{"name": "draw"}]
        });
        if asks {
            value["capabilities"] = serde_json::json!([{"kind": "kv", "reason": "remembers"}]);
        }
        Ok(Manifest::from_value(value)?)
    }

    #[test]
    fn the_digest_decides() -> Result<(), Box<dyn std::error::Error>> {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        for (mode, asks, named, stands, expected) in [
            (ConsentMode::Required, false, None, false, Consent::Given),
            (ConsentMode::Required, true, None, false, Consent::Missing),
            (ConsentMode::Required, true, None, true, Consent::Given),
            (ConsentMode::Implied, true, None, false, Consent::Given),
            (ConsentMode::Required, true, Some(one), false, Consent::Given),
            (ConsentMode::Required, true, Some(other), false, Consent::ForOther(other)),
            (ConsentMode::Required, true, Some(other), true, Consent::ForOther(other)),
            (ConsentMode::Implied, true, Some(other), false, Consent::ForOther(other)),
            (ConsentMode::Required, false, Some(other), false, Consent::ForOther(other)),
        ] {
            let decided = decide(mode, &manifest(asks)?, &one, named.as_ref(), stands);
            assert_eq!(decided, expected, "{mode:?} {asks} {named:?} {stands}");
        }
        Ok(())
    }
}
