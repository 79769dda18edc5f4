//! The laws of the three keys, over generated manifests, ceilings, grants and uses.

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::Rights;
use crate::model::capability::CapabilityKind;
use crate::model::ceiling::{Bounds, Ceiling, Ceilings};
use crate::model::grants::Grants;
use crate::model::reach::properties::{METHODS, NAMES, PREFIXES, grants, pattern, usage, words};
use crate::model::usage::Use;

fn ceiling() -> impl Strategy<Value = Ceiling> {
    let parts = (
        prop::bool::weighted(0.85),
        of(vec(pattern(), 0..4)),
        of(words(&METHODS)),
        of(select(&PREFIXES[..])),
        of(0_u64..4),
        of(words(&NAMES)),
        of(words(&NAMES)),
    );
    parts.prop_map(|(allowed, hosts, methods, prefix, number, names, emits)| Ceiling {
        allowed,
        hosts,
        methods,
        path_prefix: prefix.map(str::to_owned),
        max_bytes: number,
        names,
        credits_per_day: number,
        emits,
    })
}

fn ceilings() -> impl Strategy<Value = Ceilings> {
    btree_map(select(&CapabilityKind::ALL[..]), ceiling(), 0..6)
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (ceilings(), of(ceilings()))
        .prop_map(|(platform, own)| Bounds::new(&platform, own.as_ref().map(|own| ("acme", own))))
}

fn rights() -> impl Strategy<Value = Rights> {
    // A grant is often cut from what is asked for, and sometimes anything at all.
    let parts = (grants(), bounds(), prop::option::weighted(0.9, grants()), prop::bool::ANY);
    parts.prop_map(|(asked, bounds, given, is_all)| {
        let given = if is_all { given.map(|_| asked.clone()) } else { given };
        Rights::of(asked, bounds, given)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_explained_is_what_happens(rights in rights(), asked in usage()) {
        let decision = rights.decide(&asked);
        prop_assert_eq!(decision.is_allowed(), rights.effective().allows(&asked), "{:?}", rights.effective());
        prop_assert_eq!(decision.denial().is_none(), decision.is_allowed());
    }

    #[test]
    fn no_key_is_widened_by_the_others(rights in rights()) {
        prop_assert!(rights.asked.covers(rights.effective()));
        prop_assert!(rights.given.clone().unwrap_or_default().covers(rights.effective()));
        prop_assert_eq!(&rights.bounds.cut(rights.effective()), rights.effective());
    }

    #[test]
    fn the_order_of_the_keys_does_not_matter(asked in grants(), bounds in bounds(), given in grants()) {
        let effective = Rights::of(asked.clone(), bounds.clone(), Some(given.clone())).effective;
        prop_assert_eq!(&effective, &Rights::of(given.clone(), bounds.clone(), Some(asked.clone())).effective);
        prop_assert_eq!(&effective, &bounds.cut(&asked).intersect(&bounds.cut(&given)));
        prop_assert_eq!(&effective, &bounds.cut(&effective).intersect(&effective));
    }

    #[test]
    fn a_state_may_grow_to_the_bytes_that_are_explained(rights in rights(), bytes in 0_u64..6) {
        let fits = rights.effective().has(CapabilityKind::Kv) && bytes <= rights.effective().kv_bytes();
        prop_assert_eq!(rights.decide(&Use::Kv { bytes }).is_allowed(), fits);
    }

    #[test]
    fn a_component_may_run_where_no_door_is_closed(rights in rights(), kinds in vec(select(&CapabilityKind::ALL[..]), 0..4)) {
        let is_open = kinds.iter().all(|kind| rights.effective().has(*kind));
        prop_assert_eq!(rights.closed_door(kinds).is_none(), is_open);
    }

    #[test]
    fn nothing_is_allowed_before_consent(asked in grants(), bounds in bounds(), usage in usage()) {
        let rights = Rights::of(asked, bounds, None);
        prop_assert_eq!(rights.effective(), &Grants::default());
        prop_assert!(!rights.decide(&usage).is_allowed());
    }
}
