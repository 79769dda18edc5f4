//! What a keyword's sub-schemas look at: the same value, or a part of it.

use serde_json::Value;

use crate::model::schema::error::SchemaError;

/// Keywords whose sub-schemas look at the same value as the schema they stand in: in a list, alone, or by name.
const IN_PLACE: [&str; 9] =
    ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"];
/// Keywords whose sub-schema looks at every item of a list.
const ON_ITEMS: [&str; 3] = ["items", "contains", "unevaluatedItems"];

/// The sub-schemas that look at the same value as `node`, without what a `$ref` points at.
pub(super) fn in_place(node: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for keyword in IN_PLACE {
        match (keyword, node.get(keyword)) {
            (_, Some(Value::Array(items))) => found.extend(items),
            ("dependentSchemas" | "dependencies", Some(Value::Object(named))) => found.extend(named.values()),
            (_, Some(item @ Value::Object(_))) => found.push(item),
            _ => {}
        }
    }
    found
}

/// The sub-schemas that look into `value`, each with the part that it looks at. Patterns are taken to fit every name:
/// so these are all of them, and perhaps some more.
pub(super) fn into_parts<'a>(node: &'a Value, value: &'a Value) -> Vec<(&'a Value, &'a Value)> {
    let mut found = Vec::new();
    match value {
        Value::Array(items) => {
            let each = ON_ITEMS.into_iter().filter_map(|keyword| node.get(keyword));
            found.extend(each.flat_map(|schema| items.iter().map(move |item| (schema, item))));
            let prefix = node.get("prefixItems").and_then(Value::as_array);
            found.extend(prefix.into_iter().flatten().zip(items));
        }
        Value::Object(members) => {
            let named = node.get("properties").and_then(Value::as_object);
            let patterns = node.get("patternProperties").and_then(Value::as_object);
            for (name, member) in members {
                let own = named.and_then(|named| named.get(name));
                // What `properties` names is not additional.
                let rest = node.get("additionalProperties").filter(|_| own.is_none());
                let unseen = node.get("unevaluatedProperties");
                let patterned = patterns.into_iter().flat_map(|patterns| patterns.values());
                found.extend(own.into_iter().chain(rest).chain(unseen).chain(patterned).map(|schema| (schema, member)));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// What a pointer points at.
pub(super) fn target<'a>(root: &'a Value, reference: &str) -> Result<&'a Value, SchemaError> {
    let outside = || SchemaError(format!("`$ref` is {reference:?}: only pointers into the same schema are followed"));
    let pointer = reference.strip_prefix('#').ok_or_else(outside)?;
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().map_err(|_| outside())?;
    root.pointer(&pointer).ok_or_else(outside)
}
