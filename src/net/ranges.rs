//! The address ranges that are not the public internet, and the addresses that hide another address.
//!
//! From the IANA special-purpose registries, with what Svix's server and
//! Stripe's smokescreen refuse, and the metadata addresses of cloud vendors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::network::Network;

/// A range and what it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) network: Network,
    pub(crate) what: &'static str,
}

const fn v4(base: [u8; 4], prefix: u8, what: &'static str) -> Range {
    Range { network: Network::v4(base, prefix), what }
}

const fn v6(base: [u16; 8], prefix: u8, what: &'static str) -> Range {
    Range { network: Network::v6(base, prefix), what }
}

const METADATA: &str = "a cloud metadata address";

/// What nobody may reach, whatever is allow-listed: metadata services hand out the machine's own credentials, and
/// the rest names no host that could be meant.
pub(crate) const NEVER: [Range; 18] = [
    v4([169, 254, 169, 254], 32, METADATA),
    v4([169, 254, 170, 2], 32, METADATA),
    v4([169, 254, 170, 23], 32, METADATA),
    v4([100, 100, 100, 200], 32, METADATA),
    v4([192, 0, 0, 192], 32, METADATA),
    v4([168, 63, 129, 16], 32, METADATA),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128, METADATA),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128, METADATA),
    v4([169, 254, 0, 0], 16, "link-local"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    v4([0, 0, 0, 0], 8, "“this network”"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "the unspecified address"),
    v4([224, 0, 0, 0], 4, "multicast"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
    v4([255, 255, 255, 255], 32, "broadcast"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "the discard prefix"),
];

/// The machine itself.
pub(crate) const LOOPBACK: [Range; 2] =
    [v4([127, 0, 0, 0], 8, "loopback"), v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback")];

/// What is reached only where an admin lists it.
pub(crate) const CLOSED: [Range; 31] = [
    v4([10, 0, 0, 0], 8, "private"),
    v4([172, 16, 0, 0], 12, "private"),
    v4([192, 168, 0, 0], 16, "private"),
    v4([100, 64, 0, 0], 10, "shared address space of carriers"),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments"),
    v4([192, 0, 2, 0], 24, "documentation"),
    v4([198, 51, 100, 0], 24, "documentation"),
    v4([203, 0, 113, 0], 24, "documentation"),
    v4([192, 31, 196, 0], 24, "AS112"),
    v4([192, 175, 48, 0], 24, "AS112"),
    v4([192, 52, 193, 0], 24, "AMT relays"),
    v4([192, 88, 99, 0], 24, "6to4 relays"),
    v4([198, 18, 0, 0], 15, "benchmarking"),
    v4([240, 0, 0, 0], 4, "reserved (class E)"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "SRv6 segment identifiers"),
    v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, "the former 6bone"),
];

/// All that IANA has given out as global unicast IPv6; an address outside it leads nowhere public, today.
pub(crate) const GLOBAL_V6: Network = Network::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What the first range of `ranges` that contains `address` is for.
pub(crate) fn find(ranges: &[Range], address: IpAddr) -> Option<&'static str> {
    ranges.iter().find(|range| range.network.contains(address)).map(|range| range.what)
}

/// The IPv4 address that a translator or tunnel would make of `address`: judged beside the outer one, because
/// `64:ff9b::a9fe:a9fe` is a metadata service where the network has a NAT64.
pub(crate) fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        // `::` and `::1` are written like IPv4-compatible addresses, but they are their own thing.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => Some(join(g, h)),
        [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(join(g, h)),
        [0x64, 0xff9b, 1, ..] => Some(join(g, h)),
        [0x2002, ..] => Some(join(b, c)),
        // Teredo writes the client's address with every bit turned over.
        [0x2001, 0, ..] => Some(join(!g, !h)),
        // ISATAP marks itself in the interface part, under any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe] => Some(join(g, h)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_addresses_are_found() {
        for (outer, inner) in [
            ("64:ff9b::7f00:1", Some("127.0.0.1")),
            ("64:ff9b:1::a9fe:a9fe", Some("169.254.169.254")),
            ("2002:7f00:1::", Some("127.0.0.1")),
            ("2001:0:1:2:3:4:80ff:fffe", Some("127.0.0.1")),
            ("::7f00:1", Some("127.0.0.1")),
            ("::ffff:0:7f00:1", Some("127.0.0.1")),
            ("2606:4700::5efe:a00:1", Some("10.0.0.1")),
            ("::", None),
            ("::1", None),
            ("2606:4700::1", None),
        ] {
            let found = outer.parse().ok().map(embedded);
            assert_eq!(found, Some(inner.and_then(|text| text.parse().ok())), "{outer}");
        }
    }
}
