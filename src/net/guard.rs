//! The one policy of where we connect: for names (asked again by the resolver that dials) and for literal hosts.
//!
//! A URL is first judged by itself, which gives the [`Reach`] that it gets;
//! each address that its name resolves to is then judged within that reach.
//! The WHATWG parser has already turned `127.1`, `0x7f000001`, `0177.0.0.1`
//! and `2130706433` into addresses when we see them.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Origin, Url};

use crate::config::egress::{EgressSection, EgressSettings};
use crate::model::network::Network;
use crate::net::ranges;

/// Why we go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To deliver a webhook.
    Webhooks,
    /// To fetch a component.
    Sources,
    /// On behalf of an addon.
    Guests,
    /// To an image provider that the admin configured, and to where it says its pictures are.
    Providers,
}

impl Purpose {
    /// How many redirects a GET follows; each hop is judged anew.
    #[must_use]
    pub const fn redirects(self) -> usize {
        match self {
            // A receiver that moved must tell its owner; a guest follows by itself, each hop a new request.
            Self::Webhooks | Self::Guests => 0,
            Self::Sources | Self::Providers => 3,
        }
    }
}

/// How far one URL reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public addresses and listed ones.
    Public,
    /// Listed addresses only: the URL is plain `http` or names an unusual port.
    Listed,
    /// Anything but the addresses that nobody may reach: the admin configured this very origin.
    Granted,
}

/// Why a destination is refused. For the admin's log; strangers get one text for all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Neither `https` nor an `http` that is allowed.
    #[error("the scheme `{scheme}` is not allowed")]
    Scheme {
        /// The scheme.
        scheme: Box<str>,
    },
    /// A port that public addresses are not asked on.
    #[error("port {port} is not allowed")]
    Port {
        /// The port.
        port: u16,
    },
    /// A URL without a host.
    #[error("the address names no host")]
    Host,
    /// A name that always means the machine itself or a metadata service.
    #[error("the name `{name}` is not allowed")]
    Name {
        /// The name.
        name: Box<str>,
    },
    /// An address outside what the URL may reach.
    #[error("the address {address} is not allowed: {what}")]
    Address {
        /// The address as it would be dialled.
        address: IpAddr,
        /// What its range is for.
        what: &'static str,
    },
}

/// Names under which cloud vendors serve metadata. The addresses are closed anyway; this refuses them before any lookup.
const METADATA_NAMES: [&str; 4] =
    ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal", "metadata.tencentyun.com"];

/// Where one purpose may connect.
#[derive(Clone, Debug)]
pub struct Policy {
    purpose: Purpose,
    section: EgressSection,
    is_loopback_allowed: bool,
    granted: Vec<Origin>,
}

impl Policy {
    /// The policy of one purpose. `loopback_allowed` is for `dev`: the machine itself on any port and over plain `http`.
    #[must_use]
    pub fn new(settings: &EgressSettings, purpose: Purpose, loopback_allowed: bool) -> Self {
        let section = match purpose {
            Purpose::Webhooks => &settings.webhooks,
            Purpose::Sources => &settings.sources,
            // Pictures by URL are chosen by the provider's answer: a stranger's word, like a guest's.
            Purpose::Guests | Purpose::Providers => &settings.guests,
        };
        Self { purpose, section: section.clone(), is_loopback_allowed: loopback_allowed, granted: Vec::new() }
    }

    /// The same policy that also lets through the origin of `base`, wherever it is, save metadata and link-local
    /// addresses: a base URL in the admin's own configuration is its own permission.
    #[must_use]
    pub fn granting(mut self, base: &Url) -> Self {
        self.granted.push(base.origin());
        self
    }

    /// Why the connections are made.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether `url` may be asked for, as far as that can be said before its name is resolved.
    ///
    /// # Errors
    /// [`Denied`] names the scheme, port, name or literal address that is refused.
    pub fn check_url(&self, url: &Url) -> Result<(), Denied> {
        self.judge(url).map(drop)
    }

    /// Whether `address` may be reached by a URL with the usual scheme and port.
    ///
    /// # Errors
    /// [`Denied::Address`] names the range.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Denied> {
        self.check_within(Reach::Public, address)
    }

    /// How far `url` reaches, after its scheme, port and literal host were checked.
    pub(crate) fn judge(&self, url: &Url) -> Result<Reach, Denied> {
        let host = url.host().ok_or(Denied::Host)?;
        let reach = self.reach(url)?;
        match host {
            Host::Ipv4(address) => self.check_within(reach, IpAddr::V4(address))?,
            Host::Ipv6(address) => self.check_within(reach, IpAddr::V6(address))?,
            Host::Domain(name) => self.check_name(reach, name)?,
        }
        Ok(reach)
    }

    /// Whether a URL of this reach may be answered by `address`.
    pub(crate) fn check_within(&self, reach: Reach, address: IpAddr) -> Result<(), Denied> {
        let address = address.to_canonical();
        let deny = |what| Err(Denied::Address { address, what });
        if let Some(what) = ranges::find(&ranges::NEVER, address) {
            return deny(what);
        }
        if let IpAddr::V6(outer) = address {
            // A listed NAT64 prefix opens the translator, not whatever stands behind it.
            if let Some(inner) = ranges::embedded(outer) {
                self.check_within(reach, IpAddr::V4(inner))?;
            }
        }
        if self.is_listed(address) || reach == Reach::Granted {
            return Ok(());
        }
        if let Some(what) = ranges::find(&ranges::LOOPBACK, address).or_else(|| ranges::find(&ranges::CLOSED, address))
        {
            return deny(what);
        }
        if address.is_ipv6() && !ranges::GLOBAL_V6.contains(address) {
            return deny("not global unicast");
        }
        match reach {
            Reach::Public | Reach::Granted => Ok(()),
            Reach::Listed => deny("plain http and unusual ports are for listed networks only"),
        }
    }

    /// Whether any address at all could be reached within `reach`.
    pub(crate) fn has_any(&self, reach: Reach) -> bool {
        match reach {
            Reach::Public => true,
            Reach::Listed => self.is_loopback_allowed || !self.section.allow.is_empty(),
            Reach::Granted => !self.granted.is_empty(),
        }
    }

    /// How far a URL's scheme and port let it reach.
    fn reach(&self, url: &Url) -> Result<Reach, Denied> {
        let scheme = url.scheme();
        let port = url.port_or_known_default().unwrap_or(0);
        let is_plain = scheme == "http";
        if !is_plain && scheme != "https" {
            return Err(Denied::Scheme { scheme: scheme.chars().take(40).collect::<String>().into() });
        }
        if self.granted.contains(&url.origin()) {
            return Ok(Reach::Granted);
        }
        let is_scheme_usual = !is_plain || self.section.allow_http;
        let is_port_usual = self.section.ports.contains(&port) || (is_plain && is_scheme_usual && port == 80);
        if is_scheme_usual && is_port_usual {
            Ok(Reach::Public)
        } else if self.has_any(Reach::Listed) {
            Ok(Reach::Listed)
        } else if is_scheme_usual {
            Err(Denied::Port { port })
        } else {
            Err(Denied::Scheme { scheme: scheme.into() })
        }
    }

    /// Refuses the names whose meaning is known without a lookup.
    fn check_name(&self, reach: Reach, name: &str) -> Result<(), Denied> {
        let bare = name.trim_end_matches('.');
        if METADATA_NAMES.contains(&bare) || bare.is_empty() {
            return Err(Denied::Name { name: name.into() });
        }
        if bare == "localhost" || bare.ends_with(".localhost") {
            return self.check_within(reach, IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        Ok(())
    }

    fn is_listed(&self, address: IpAddr) -> bool {
        let is_loopback = self.is_loopback_allowed && ranges::find(&ranges::LOOPBACK, address).is_some();
        is_loopback || self.section.allow.iter().any(|network: &Network| network.contains(address))
    }
}
