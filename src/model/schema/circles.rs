//! Schemas that would never end: chains of references that lead back to themselves without looking into the value.

use serde_json::Value;

use crate::model::schema::error::SchemaError;
use crate::model::schema::keywords;

/// Refuses references that lead outside, and chains of them that lead back to themselves, or branch without end,
/// without consuming any of the value: a validator would follow them until its stack or our time ends.
///
/// Only pointers (`#`, `#/…`) are references here. Whatever else moves a reference's target, such as anchors or
/// another `$id`, is refused too: a circle through it would not be seen.
pub(super) fn refuse_circles(schema: &Value) -> Result<(), SchemaError> {
    let mut open = vec![schema];
    while let Some(node) = open.pop() {
        refuse_moved_targets(node, std::ptr::eq(node, schema))?;
        if node.get("$ref").is_some_and(Value::is_string) {
            Walk { root: schema, path: Vec::new(), steps_left: MAX_STEPS }.visit(node)?;
        }
        match node {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    // Without a `$ref`, a schema ends where its text ends.
    Ok(())
}

/// A keyword has a string here; a property of the same name would have a schema.
fn refuse_moved_targets(node: &Value, is_root: bool) -> Result<(), SchemaError> {
    let says = |keyword: &str| node.get(keyword).is_some_and(Value::is_string);
    for keyword in ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor"] {
        if says(keyword) {
            return Err(SchemaError(format!("`{keyword}` is not taken here; refer by pointer, as in `#/$defs/name`")));
        }
    }
    if says("$id") && !is_root {
        return Err(SchemaError(String::from("only the whole schema may have an `$id`")));
    }
    Ok(())
}

/// Most schemas that may look at one and the same value because of one `$ref`; honest ones need a handful.
const MAX_STEPS: usize = 2000;
/// Longest chain of schemas that look at the same value.
const MAX_CHAIN: usize = 128;

/// A walk over everything that looks at the same value.
struct Walk<'a> {
    root: &'a Value,
    path: Vec<*const Value>,
    steps_left: usize,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, node: &'a Value) -> Result<(), SchemaError> {
        if self.path.contains(&std::ptr::from_ref(node)) {
            return Err(SchemaError(String::from("a `$ref` leads back to itself without looking into the value")));
        }
        let Some(left) = self.steps_left.checked_sub(1) else {
            return Err(SchemaError(format!("a `$ref` makes more than {MAX_STEPS} schemas look at one value")));
        };
        self.steps_left = left;
        if self.path.len() > MAX_CHAIN {
            return Err(SchemaError(format!("`$ref`s are chained more than {MAX_CHAIN} deep")));
        }
        self.path.push(std::ptr::from_ref(node));
        if let Some(Value::String(reference)) = node.get("$ref") {
            self.visit(keywords::target(self.root, reference)?)?;
        }
        keywords::in_place(node).into_iter().try_for_each(|part| self.visit(part))?;
        self.path.pop();
        Ok(())
    }
}
