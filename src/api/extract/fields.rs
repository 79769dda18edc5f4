//! Reads the members of a JSON object one by one and collects every fault on the way.
//!
//! serde stops at the first fault; a client wants to see all of them, with
//! pointers, and wants an unknown field named. So bodies are read by hand:
//! each `take…` consumes a known member, and what is left at the end is unknown.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::api::problem::Fault;

/// Most faults that one answer lists; a hostile body must not buy a large answer.
const MAX_FAULTS: usize = 100;

/// The members of one JSON object that were not read yet.
pub struct Fields<'f> {
    pointer: String,
    is_object: bool,
    members: Map<String, Value>,
    known: Vec<&'static str>,
    faults: &'f mut Vec<Fault>,
}

impl<'f> Fields<'f> {
    /// The members of `value`, which stands at `pointer`; a fault and no members when it is no object.
    pub fn of(value: Value, pointer: String, faults: &'f mut Vec<Fault>) -> Self {
        let (is_object, members) = match value {
            Value::Object(members) => (true, members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                faults.push(Fault::at(pointer.clone(), "must be an object"));
                (false, Map::new())
            }
        };
        Self { pointer, is_object, members, known: Vec::with_capacity(16), faults }
    }

    /// The JSON Pointer of the member called `name`.
    #[must_use]
    pub fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    /// Notes that the member called `name` is wrong.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        let pointer = self.pointer_to(name);
        self.fault_at(pointer, message);
    }

    /// Notes that the object itself is wrong.
    pub fn fault_here(&mut self, message: impl Into<String>) {
        self.fault_at(self.pointer.clone(), message);
    }

    /// Notes a fault anywhere in the body.
    pub fn fault_at(&mut self, pointer: String, message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::at(pointer, message));
        }
    }

    /// How many faults were found so far, anywhere in the body.
    #[must_use]
    pub fn fault_count(&self) -> usize {
        self.faults.len()
    }

    /// The member as it is; an absent one and `null` are the same.
    pub fn value(&mut self, name: &'static str) -> Option<Value> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// The member as it is, `null` included: for changes in which `null` takes something away.
    pub fn raw(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        if self.members.is_empty() { None } else { self.members.remove(name) }
    }

    /// The member as it is, not yet taken.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// A string of at most `most` characters.
    pub fn text(&mut self, name: &'static str, most: usize) -> Option<String> {
        match self.value(name)? {
            Value::String(text) if text.chars().nth(most).is_none() => Some(text),
            Value::String(_) => self.miss(name, format!("must be at most {most} characters")),
            _ => self.miss(name, "must be a string"),
        }
    }

    /// A string that must be there.
    pub fn required_text(&mut self, name: &'static str, most: usize) -> Option<String> {
        self.demand(name);
        self.text(name, most)
    }

    /// Notes a fault when the member called `name` is absent; where the whole is no object, that is said already.
    pub fn demand(&mut self, name: &'static str) {
        if self.is_object && self.members.get(name).is_none_or(Value::is_null) {
            self.fault(name, "is required");
        }
    }

    /// A string that `parse` understands.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.value(name)? {
            Value::String(text) => match parse(&text) {
                Ok(value) => Some(value),
                Err(error) => self.miss(name, error.to_string()),
            },
            _ => self.miss(name, "must be a string"),
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        match self.value(name)? {
            Value::String(text) => match words.iter().find(|(word, _)| *word == text) {
                Some((_, value)) => Some(*value),
                None => {
                    let all: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
                    self.miss(name, format!("must be one of {}", all.join(", ")))
                }
            },
            _ => self.miss(name, "must be a string"),
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(value),
            _ => self.miss(name, "must be true or false"),
        }
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(name)?;
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None if *range.end() == u64::MAX => self.miss(name, "must be a whole number, 0 or more"),
            None => self.miss(name, format!("must be a whole number, {}-{}", range.start(), range.end())),
        }
    }

    /// An object, read by `read`; its own unknown fields are faults too.
    pub fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        let value = self.value(name)?;
        let pointer = self.pointer_to(name);
        Some(read_object(value, pointer, self.faults, read))
    }

    /// An object of at most `most` objects under names of the client's own, each read by `read`.
    pub fn entries<T>(
        &mut self,
        name: &'static str,
        most: usize,
        mut read: impl FnMut(&str, &mut Fields<'_>) -> T,
    ) -> Option<BTreeMap<String, T>> {
        let members = match self.value(name)? {
            Value::Object(members) if members.len() <= most => members,
            Value::Object(_) => return self.miss(name, format!("must have at most {most} entries")),
            _ => return self.miss(name, "must be an object"),
        };
        let mut all = BTreeMap::new();
        for (key, value) in members {
            let pointer = format!("{}/{}", self.pointer_to(name), key.replace('~', "~0").replace('/', "~1"));
            let read = read_object(value, pointer, self.faults, |fields| read(&key, fields));
            all.insert(key, read);
        }
        Some(all)
    }

    /// A list of at most `most` objects, each read by `read`.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Fields<'_>) -> T,
    ) -> Option<Vec<T>> {
        let items = self.list(name, most)?;
        let pointer = self.pointer_to(name);
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            all.push(read_object(item, format!("{pointer}/{index}"), self.faults, &mut read));
        }
        Some(all)
    }

    /// A list of at most `most` items, each understood by `parse`.
    pub fn items<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        most: usize,
        mut parse: impl FnMut(&Value) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let items = self.list(name, most)?;
        let pointer = self.pointer_to(name);
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            match parse(&item) {
                Ok(item) => all.push(item),
                Err(error) => self.fault_at(format!("{pointer}/{index}"), error.to_string()),
            }
        }
        Some(all)
    }

    fn list(&mut self, name: &'static str, most: usize) -> Option<Vec<Value>> {
        match self.value(name)? {
            Value::Array(items) if items.len() <= most => Some(items),
            Value::Array(_) => self.miss(name, format!("must have at most {most} entries")),
            _ => self.miss(name, "must be a list"),
        }
    }

    fn miss<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        self.fault(name, message);
        None
    }

    /// Notes every member that nobody asked for.
    fn finish(mut self) {
        let left = std::mem::take(&mut self.members);
        for name in left.keys() {
            let message = match nearest(name, &self.known) {
                Some(known) => format!("is an unknown field; did you mean `{known}`?"),
                None => String::from("is an unknown field"),
            };
            // A hostile name must not come back at full length.
            let shown: String = name.chars().take(100).collect();
            self.fault(&shown, message);
        }
    }
}

/// Reads a whole object: its members by `read`, the rest as faults.
pub fn read_object<T>(
    value: Value,
    pointer: String,
    faults: &mut Vec<Fault>,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> T {
    let mut fields = Fields::of(value, pointer, faults);
    let read = read(&mut fields);
    fields.finish();
    read
}

/// The known name that `name` was probably meant to be.
fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    known
        .iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance; names beyond 40 bytes are nobody's typo.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 40 || right.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let above = *cell;
            let here = (diagonal + usize::from(a != b)).min(above + 1).min(before + 1);
            diagonal = above;
            before = here;
            *cell = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_found_with_its_pointer() {
        let mut faults = Vec::new();
        let body = json!({"prmopt": "x", "count": 9, "nested": {"flag": 1, "extra": 2}, "list": ["a", 1]});
        read_object(body, String::new(), &mut faults, |fields| {
            fields.required_text("prompt", 10);
            fields.integer("count", 1..=4);
            fields.object("nested", |inner| inner.boolean("flag"));
            fields.items("list", 5, |item| if item.is_string() { Ok(()) } else { Err("must be a string") });
        });
        let found: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(found, ["/prompt", "/count", "/nested/flag", "/nested/extra", "/list/1", "/prmopt"]);
        assert!(faults.iter().any(|fault| fault.message.contains("did you mean `prompt`")));
    }

    #[test]
    fn distances_are_levenshteins() {
        for (left, right, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("same", "same", 0), ("ab", "ba", 2)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_one_fault() {
        let mut faults = Vec::new();
        read_object(json!([1]), String::new(), &mut faults, |fields| fields.text("a", 1));
        assert_eq!(faults, [Fault::at("", "must be an object")]);
    }
}
