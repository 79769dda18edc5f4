//! Whether the pool has room for a component at all: asked once, when its code is loaded, and not met at each call.
//!
//! A component may be fine for whoever reads it and still hold more than one call may take out of the pool
//! (`sandbox.pool`). wasmtime 48 says so in words only; a test makes it say each of them and would notice others.

use crate::model::limit::{Excess, Limit};

/// What stands before the number that a component needs, before the number that there is, and which limit that is.
const WORDS: [(&str, &str, Limit); 7] = [
    ("defined memories count of ", "-instance limit of ", Limit::Memories),
    ("defined tables count of ", " limit of ", Limit::Tables),
    ("has a minimum byte size of ", "exceeds the limit of ", Limit::MemoryBytes),
    ("has a minimum element size of ", "exceeds the limit of ", Limit::TableElements),
    // These three begin alike: what they are about stands between the numbers.
    ("transitively contains ", " core module instances, which exceeds the configured maximum of ", Limit::Instances),
    ("transitively contains ", " Wasm linear memories, which exceeds the configured maximum of ", Limit::Memories),
    ("transitively contains ", " tables, which exceeds the configured maximum of ", Limit::Tables),
];

/// What a component needs more of than the pool gives to one call, read from why its code does not load.
pub(super) fn shortage(error: &wasmtime::Error) -> Option<Excess> {
    let text = error.root_cause().to_string();
    WORDS.into_iter().find_map(|(before, between, limit)| {
        let (reached, rest) = text.split_once(before)?.1.split_once(between)?;
        Some(Excess { limit, reached: number(reached)?, allowed: number(rest)? })
    })
}

/// The number that `text` starts with, decimal or with `0x`.
fn number(text: &str) -> Option<u64> {
    let (digits, base) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    u64::from_str_radix(digits.split(|digit: char| !digit.is_digit(base)).next()?, base).ok()
}
