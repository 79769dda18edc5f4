//! JSON Schemas of strangers: compiled without any way out, checked with all faults at once.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Most faults that one check collects.
const MAX_FAULTS: usize = 50;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// One way in which a value breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// JSON Pointer into the value.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// Compiles `schema` with linear-time patterns; the crate is built without its file and HTTP resolvers.
///
/// # Errors
/// [`SchemaError`] when it is not a schema, points outside itself, or refers to itself without end.
pub fn compile(schema: &Value) -> Result<Validator, SchemaError> {
    refuse_circles(schema)?;
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| SchemaError(error.to_string()))
}

/// Every fault of `value`, up to 50.
#[must_use]
pub fn faults(validator: &Validator, value: &Value) -> Vec<SchemaFault> {
    validator
        .iter_errors(value)
        .take(MAX_FAULTS)
        .map(|error| SchemaFault { pointer: error.instance_path().to_string(), message: error.to_string() })
        .collect()
}

/// Fills in the `default` of each missing property, downwards through `properties`.
pub fn apply_defaults(schema: &Value, value: &mut Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let Some(members) = value.as_object_mut() else { return };
    for (name, property) in properties {
        if !members.contains_key(name)
            && let Some(default) = property.get("default")
        {
            members.insert(name.clone(), default.clone());
        }
        if let Some(member) = members.get_mut(name) {
            apply_defaults(property, member);
        }
    }
}

/// Refuses references that lead outside, and chains of them that lead back to themselves, or branch without end,
/// without consuming any of the value: a validator would follow them until its stack or our time ends.
///
/// Only pointers (`#`, `#/…`) are references here. Whatever else moves a reference's target, such as anchors or
/// another `$id`, is refused too: a circle through it would not be seen.
fn refuse_circles(schema: &Value) -> Result<(), SchemaError> {
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

/// Keywords whose sub-schemas look at the same value as the schema they stand in: in a list, alone, or by name.
const IN_PLACE: [&str; 9] =
    ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"];
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
            self.visit(target(self.root, reference)?)?;
        }
        for keyword in IN_PLACE {
            match (keyword, node.get(keyword)) {
                (_, Some(Value::Array(items))) => items.iter().try_for_each(|item| self.visit(item))?,
                ("dependentSchemas" | "dependencies", Some(Value::Object(named))) => {
                    named.values().try_for_each(|item| self.visit(item))?;
                }
                (_, Some(item @ Value::Object(_))) => self.visit(item)?,
                _ => {}
            }
        }
        self.path.pop();
        Ok(())
    }
}

/// What a pointer points at.
fn target<'a>(root: &'a Value, reference: &str) -> Result<&'a Value, SchemaError> {
    let outside = || SchemaError(format!("`$ref` is {reference:?}: only pointers into the same schema are followed"));
    let pointer = reference.strip_prefix('#').ok_or_else(outside)?;
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().map_err(|_| outside())?;
    root.pointer(&pointer).ok_or_else(outside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_faults_of_a_value_are_found() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}});
        let found = compile(&schema).map(|validator| faults(&validator, &json!({"a": "x", "b": 1})).len());
        assert_eq!(found, Ok(2));
    }

    #[test]
    fn defaults_are_applied_downwards() {
        let schema = json!({"properties": {"a": {"default": 1}, "b": {"properties": {"c": {"default": "x"}}}}});
        let mut value = json!({"b": {}});
        apply_defaults(&schema, &mut value);
        assert_eq!(value, json!({"a": 1, "b": {"c": "x"}}));
    }

    #[test]
    fn a_schema_that_is_its_own_reference_is_refused() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
            json!({"allOf": [{"$ref": "#"}]}),
        ] {
            assert!(compile(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_circle_is_found_through_whatever_names_its_target() {
        for schema in [
            json!({"$defs": {"a": {"$anchor": "again", "$ref": "#again"}}, "$ref": "#/$defs/a"}),
            json!({"$dynamicAnchor": "again", "$dynamicRef": "#again"}),
            json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
            json!({"$defs": {"a b": {"allOf": [{"$ref": "#/$defs/a%20b"}]}}, "$ref": "#/$defs/a%20b"}),
            json!({"$defs": {"a": {"$id": "urn:x", "$ref": "#"}}, "$ref": "#/$defs/a"}),
        ] {
            assert!(compile(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_property_may_be_called_as_a_keyword_is() {
        let schema = json!({"properties": {"$id": {"type": "string"}, "$ref": {"type": "string"}}});
        assert!(compile(&schema).is_ok());
    }

    #[test]
    fn a_recursive_schema_that_looks_into_the_value_is_fine() {
        let tree = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        assert!(compile(&tree).is_ok());
    }

    #[test]
    fn a_catastrophic_pattern_costs_nothing() {
        let schema = json!({"type": "string", "pattern": "(a+)+$"});
        let hostile = json!(format!("{}!", "a".repeat(50_000)));
        let found = compile(&schema).map(|validator| faults(&validator, &hostile).len());
        assert_eq!(found, Ok(1));
    }

    #[test]
    fn no_schema_reaches_out() {
        for target in ["http://127.0.0.1:1/schema.json", "file:///etc/passwd"] {
            assert!(compile(&json!({"$ref": target})).is_err(), "{target}");
        }
    }
}
