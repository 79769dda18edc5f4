//! How much work a check is, told before it is done.
//!
//! A validator follows every way through the schema: where two parts of an `allOf` both look into each member with the
//! schema they stand in, a value that is nested *n* deep is looked at 2ⁿ times. No rule about schemas alone tells these
//! from honest ones: a tree of expressions is a list of alternatives that each lead back to the whole. So the looks are
//! counted for the value at hand. The number of ways is what doubles; the pairs of schema and value that they meet are
//! few, and each pair is counted once.

use std::collections::HashMap;

use serde_json::Value;

use crate::model::schema::keywords;

/// Most looks that one check may take. The largest values that we take need about two million of an honest schema
/// (one megabyte of `0,` under a handful of alternatives); this many take the validator about a second.
const MAX_LOOKS: u64 = 4_000_000;
/// Deepest chain of looks within looks: values are at most 128 deep, and a stack ends somewhere.
const MAX_NESTING: usize = 1000;

/// What is counted of a schema and a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Count {
    /// Checking the value, and all that follows from it.
    Looks,
    /// Finding out which parts were seen, once; `unevaluated…` does so for each part.
    Marks,
}

/// The count of a whole schema over one value.
pub(super) struct Counter<'a> {
    root: &'a Value,
    known: HashMap<(*const Value, *const Value, Count), u64>,
    nesting: usize,
}

impl<'a> Counter<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, known: HashMap::new(), nesting: 0 }
    }

    /// Whether the value can be checked within bounds.
    pub(super) fn is_bounded(&mut self, value: &'a Value) -> bool {
        self.count(self.root, value, Count::Looks).is_some_and(|looks| looks <= MAX_LOOKS)
    }

    /// None where it is too much.
    fn count(&mut self, node: &'a Value, value: &'a Value, what: Count) -> Option<u64> {
        let key = (std::ptr::from_ref(node), std::ptr::from_ref(value), what);
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        self.nesting = self.nesting.checked_add(1).filter(|nesting| *nesting <= MAX_NESTING)?;
        let counted = match what {
            Count::Looks => self.looks(node, value)?,
            Count::Marks => self.marks(node, value)?,
        };
        self.nesting = self.nesting.saturating_sub(1);
        // Every pair is at least one look, so more pairs than looks are too many as well.
        let is_fine = counted <= MAX_LOOKS && u64::try_from(self.known.len()).is_ok_and(|pairs| pairs <= MAX_LOOKS);
        self.known.insert(key, counted);
        is_fine.then_some(counted)
    }

    fn looks(&mut self, node: &'a Value, value: &'a Value) -> Option<u64> {
        let mut looks = 1_u64;
        for part in self.beside(node) {
            looks = looks.saturating_add(self.count(part, value, Count::Looks)?);
        }
        for (part, inner) in keywords::into_parts(node, value) {
            looks = looks.saturating_add(self.count(part, inner, Count::Looks)?);
        }
        if node.get("unevaluatedProperties").is_some() || node.get("unevaluatedItems").is_some() {
            let marks = self.count(node, value, Count::Marks)?;
            looks = looks.saturating_add(marks.saturating_mul(size(value)));
        }
        Some(looks)
    }

    fn marks(&mut self, node: &'a Value, value: &'a Value) -> Option<u64> {
        let mut marks = 1_u64;
        for part in self.beside(node) {
            marks = marks.saturating_add(self.count(part, value, Count::Looks)?);
            marks = marks.saturating_add(self.count(part, value, Count::Marks)?);
        }
        Some(marks)
    }

    /// Every schema that looks at the same value as `node` does.
    fn beside(&self, node: &'a Value) -> Vec<&'a Value> {
        let mut beside = keywords::in_place(node);
        let reference = node.get("$ref").and_then(Value::as_str);
        beside.extend(reference.and_then(|reference| keywords::target(self.root, reference).ok()));
        beside
    }
}

/// Parts of the value.
fn size(value: &Value) -> u64 {
    let parts = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    u64::try_from(parts).unwrap_or(u64::MAX)
}

/// Whether some part of the schema is used by reference: without that each part meets each value at most once.
pub(super) fn may_repeat(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(may_repeat),
        Value::Object(members) => members.contains_key("$ref") || members.values().any(may_repeat),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
