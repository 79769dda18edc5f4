//! The resolver that dials: the addresses it hands out are the ones that were checked.
//!
//! There is no second lookup between check and connection, so a name that
//! changes its answer in between (DNS rebinding) gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::net::guard::{Denied, Policy, Reach};

/// Most addresses of one name that are tried, so that a name with thousands of them costs no more than any other.
const MOST_ADDRESSES: usize = 8;

/// Turns a name into addresses; the system's own resolver outside tests.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// Every address of `name`, unfiltered.
    ///
    /// # Errors
    /// An I/O error when the name cannot be resolved.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver: `/etc/hosts`, search domains and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A lookup that forgets every address that the policy refuses within one reach.
pub(crate) struct GuardedResolver {
    pub(crate) policy: Arc<Policy>,
    pub(crate) reach: Reach,
    pub(crate) lookup: Arc<dyn Lookup>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, reach, lookup) = (Arc::clone(&self.policy), self.reach, Arc::clone(&self.lookup));
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            let allowed = keep_allowed(&policy, reach, &found)?;
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// The allowed ones of `found`; an error only when all of them are refused.
fn keep_allowed(policy: &Policy, reach: Reach, found: &[IpAddr]) -> Result<Vec<IpAddr>, Denied> {
    let mut allowed = Vec::new();
    let mut refusal = None;
    for address in found {
        match policy.check_within(reach, *address) {
            Ok(()) => allowed.push(address.to_canonical()),
            Err(denied) => refusal = Some(denied),
        }
    }
    allowed.truncate(MOST_ADDRESSES);
    match refusal {
        Some(denied) if allowed.is_empty() => Err(denied),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::egress::EgressSettings;
    use crate::net::guard::Purpose;

    #[test]
    fn a_mixed_answer_keeps_only_its_public_part() {
        let policy = Policy::new(&EgressSettings::default(), Purpose::Webhooks, false);
        let (inside, outside) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([8, 8, 8, 8]));
        assert_eq!(keep_allowed(&policy, Reach::Public, &[inside, outside]), Ok(vec![outside]));
        let refused = Denied::Address { address: inside, what: "private" };
        assert_eq!(keep_allowed(&policy, Reach::Public, &[inside]), Err(refused));
    }
}
