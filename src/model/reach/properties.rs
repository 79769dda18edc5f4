//! The laws of comparing and cutting capabilities, over generated ones and generated uses.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use url::Url;

use crate::model::capability::{Capability, CapabilityKind, SecretSpec};
use crate::model::grants::Grants;
use crate::model::origin::Origin;
use crate::model::usage::{HttpUse, Use};

/// Hosts that are close to each other: neighbours, parents, look-alikes, addresses, an international name.
const HOSTS: [&str; 9] = [
    "example.com",
    "api.example.com",
    "a.api.example.com",
    "notexample.com",
    "example.com.evil.test",
    "10.0.0.1",
    "[::1]",
    "xn--bcher-kva.example",
    "a.xn--bcher-kva.example",
];
const WIDE: [&str; 5] = ["*", "*.com", "*.example.com", "*.api.example.com", "*.xn--bcher-kva.example"];
const PORTS: [&str; 3] = ["", ":443", ":8443"];
pub(in crate::model) const METHODS: [&str; 3] = ["GET", "POST", "PURGE"];
pub(in crate::model) const PREFIXES: [&str; 5] = ["/", "/v1", "/v1/", "/v1/a", "/v2"];
const PATHS: [&str; 8] = ["/", "/v1", "/v1/", "/v10", "/v1/a", "/v1/a/b", "/v2/x", "/v1/..%2fv2"];
pub(in crate::model) const NAMES: [&str; 3] = ["one", "two", "three"];

pub(in crate::model) fn pattern() -> impl Strategy<Value = String> {
    let host = prop_oneof![select(&HOSTS[..]), select(&WIDE[..])];
    (select(&["http", "https"][..]), host, select(&PORTS[..]))
        .prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}"))
}

pub(in crate::model) fn words(among: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    vec(select(among), 0..3).prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

fn secret() -> impl Strategy<Value = SecretSpec> {
    (select(&NAMES[..]), vec(pattern(), 0..3), any::<bool>()).prop_map(|(name, origins, required)| SecretSpec {
        name: name.to_owned(),
        origins,
        required,
    })
}

/// A capability whose parameters fit its kind.
pub(in crate::model) fn capability() -> impl Strategy<Value = Capability> {
    let parts = (
        // Those with many parameters more often: they are where a law can break.
        prop_oneof![
            4 => Just(CapabilityKind::Http),
            2 => Just(CapabilityKind::Secrets),
            4 => select(&CapabilityKind::ALL[..]),
        ],
        vec(pattern(), 0..4),
        words(&METHODS),
        of(select(&PREFIXES[..])),
        of(0_u64..4),
        vec(secret(), 0..3),
        words(&NAMES),
    );
    parts.prop_map(|(kind, hosts, methods, prefix, number, secrets, emits)| {
        use CapabilityKind as Kind;
        let bare = Capability::bare(kind);
        match kind {
            Kind::Http => Capability { hosts, methods, path_prefix: prefix.map(str::to_owned), ..bare },
            Kind::Kv | Kind::KvShared => Capability { max_bytes: number, ..bare },
            Kind::Secrets | Kind::SecretsReveal => Capability { secrets, ..bare },
            Kind::Images => Capability { credits_per_day: number, ..bare },
            Kind::Events => Capability { emits, ..bare },
            Kind::Jobs | Kind::Schedule => bare,
        }
    })
}

/// Several of them.
pub(in crate::model) fn grants() -> impl Strategy<Value = Grants> {
    vec(capability(), 0..5).prop_map(Grants::from)
}

fn origin() -> impl Strategy<Value = (Origin, Url)> {
    let parts = (select(&["http", "https"][..]), select(&HOSTS[..]), select(&PORTS[..]), select(&PATHS[..]));
    parts.prop_filter_map("a URL", |(scheme, host, port, path)| {
        let url = Url::parse(&format!("{scheme}://{host}{port}{path}")).ok()?;
        Some((Origin::of(&url)?, url))
    })
}

/// Any use there is.
pub(in crate::model) fn usage() -> impl Strategy<Value = Use> {
    let name = || select(&NAMES[..]).prop_map(str::to_owned);
    prop_oneof![
        1 => select(&CapabilityKind::ALL[..]).prop_map(Use::Door),
        8 => (origin(), select(&METHODS[..]))
            .prop_filter_map("a request", |((_, url), method)| HttpUse::new(method, &url).ok().map(Use::Http)),
        1 => (0_u64..20_000_000).prop_map(|bytes| Use::Kv { bytes }),
        1 => (0_u64..5).prop_map(|bytes| Use::Kv { bytes }),
        1 => (0_u64..5).prop_map(|bytes| Use::KvShared { bytes }),
        4 => (name(), of(origin())).prop_map(|(name, origin)| Use::Secret { name, origin: origin.map(|(origin, _)| origin) }),
        1 => name().prop_map(|name| Use::Reveal { name }),
        1 => (0_u64..5).prop_map(|credits| Use::Images { credits }),
        1 => name().prop_map(|topic| Use::Emit { topic }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_two_have_in_common_is_what_both_allow(one in grants(), other in grants(), asked in usage()) {
        prop_assert_eq!(one.intersect(&other).allows(&asked), one.allows(&asked) && other.allows(&asked));
    }

    #[test]
    fn what_two_have_in_common_is_within_each(one in grants(), other in grants()) {
        let both = one.intersect(&other);
        prop_assert!(one.covers(&both), "{:?}", both);
        prop_assert!(other.covers(&both), "{:?}", both);
    }

    #[test]
    fn the_order_of_cutting_does_not_matter(one in grants(), other in grants(), third in grants()) {
        prop_assert_eq!(one.intersect(&other), other.intersect(&one));
        let (left, right) = (one.intersect(&other).intersect(&third), one.intersect(&other.intersect(&third)));
        prop_assert!(left.covers(&right) && right.covers(&left), "{:?} {:?}", left, right);
    }

    #[test]
    fn cutting_twice_is_cutting_once(one in grants(), other in grants()) {
        let both = one.intersect(&other);
        prop_assert_eq!(both.intersect(&other), both.clone());
        prop_assert_eq!(both.intersect(&both), both.clone());
        prop_assert!(one.intersect(&one).covers(&one));
    }

    #[test]
    fn whoever_covers_another_allows_all_that_it_allows(one in grants(), other in grants(), asked in usage()) {
        if one.covers(&other) && other.allows(&asked) {
            prop_assert!(one.allows(&asked));
        }
        // And the other way round: what is allowed there and not here is a reason not to cover it.
        if other.allows(&asked) && !one.allows(&asked) {
            prop_assert!(!one.covers(&other));
        }
    }

    #[test]
    fn covering_is_having_all_of_it_in_common(one in grants(), other in grants()) {
        prop_assert_eq!(one.covers(&other), one.intersect(&other).covers(&other));
    }

    #[test]
    fn covering_one_capability_by_one_agrees_with_covering_lists(one in capability(), other in capability()) {
        let lists = Grants::from(vec![one.clone()]).covers(&Grants::from(vec![other.clone()]));
        prop_assert_eq!(one.covers(&other), lists);
    }

    #[test]
    fn what_is_beyond_is_what_is_not_covered(one in grants(), other in grants()) {
        let beyond = one.beyond(&other);
        prop_assert_eq!(beyond.is_empty(), one.covers(&other));
        let together: Vec<Capability> = one.capabilities().iter().chain(&beyond).cloned().collect();
        prop_assert!(Grants::from(together).covers(&other));
    }

    #[test]
    fn generated_capabilities_are_ones_that_people_can_write(one in capability()) {
        prop_assert_eq!(one.faults(), vec![]);
    }
}
