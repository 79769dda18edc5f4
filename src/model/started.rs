//! Work that an addon started: how many such starts lie before it.

/// Most starts in a row: work that a client asked for has none behind it, and each start by an addon adds one. What
/// would be the next one is refused, so that addons that start each other (or themselves) come to an end.
pub const MAX_HOPS: u32 = 4;
