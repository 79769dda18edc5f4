//! A block of IP addresses, written `10.0.0.0/8` or `fd00::/8`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a network such as 10.0.0.0/8, fd00::/8 or 192.0.2.7: {why}")]
pub struct NetworkError {
    text: Box<str>,
    why: &'static str,
}

impl Network {
    /// The IPv4 network of the addresses whose first `prefix` bits are those of `base`.
    #[must_use]
    pub const fn v4(base: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = base;
        Self { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// The IPv6 network of the addresses whose first `prefix` bits are those of `base`.
    #[must_use]
    pub const fn v6(base: [u16; 8], prefix: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = base;
        Self { base: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix }
    }

    /// Parses `address/prefix`, or one address alone.
    ///
    /// # Errors
    /// [`NetworkError`] when either part is malformed, when bits beyond the prefix are set
    /// (the writer meant something else), or when an IPv4 network is dressed as IPv6.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let error = |why| NetworkError { text: text.chars().take(80).collect::<String>().into(), why };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| error("the address is malformed"))?;
        if base.to_canonical() != base {
            return Err(error("write an IPv4 network as IPv4"));
        }
        let widest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) => digits.parse::<u8>().map_err(|_| error("the prefix is malformed"))?,
            None => widest,
        };
        if prefix > widest {
            return Err(error("the prefix is longer than the address"));
        }
        let network = Self { base, prefix };
        if network.masked(base) == Some(bits(base)) {
            Ok(network)
        } else {
            Err(error("bits beyond the prefix are set"))
        }
    }

    /// Whether `address` lies in this network. An IPv4-mapped IPv6 address counts as the IPv4 address that it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.masked(address.to_canonical()) == Some(bits(self.base))
    }

    /// The first `prefix` bits of `address`, or nothing when it is of the other family.
    fn masked(&self, address: IpAddr) -> Option<u128> {
        let width: u32 = match (self.base, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) => 32,
            (IpAddr::V6(_), IpAddr::V6(_)) => 128,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        let rest = width.saturating_sub(u32::from(self.prefix));
        let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
        Some(bits(address) & mask)
    }
}

/// The address as a number.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_first_and_last_address_and_not_their_neighbours() {
        for (network, address, is_inside) in [
            ("10.0.0.0/8", "10.0.0.0", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::a00:1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("fd00:ec2::254", "fd00:ec2::254", true),
        ] {
            let inside =
                Network::parse(network).ok().zip(address.parse().ok()).map(|(n, a): (_, IpAddr)| n.contains(a));
            assert_eq!(inside, Some(is_inside), "{address} in {network}");
        }
    }

    #[test]
    fn a_network_reads_back_what_it_writes_and_refuses_the_rest() {
        for text in ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8", "::1/128", "0.0.0.0/0"] {
            assert_eq!(Network::parse(text).map(|network| network.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "10.0.0.0/33", "10.0.0.1/8", "10/8", "fd00::1/8", "::ffff:10.0.0.0/104", "::/129", "a/b", "1.2.3.4/-1"]
        {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
