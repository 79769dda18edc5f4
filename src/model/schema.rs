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

/// Refuses `$ref` chains that lead back to themselves without consuming any of the value:
/// a validator would follow them until its stack ends.
fn refuse_circles(schema: &Value) -> Result<(), SchemaError> {
    let mut open = vec![(schema, 0_usize)];
    while let Some((node, _)) = open.pop() {
        if node.get("$ref").is_some() {
            follow(schema, node)?;
        }
        match node {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, 0))),
            Value::Object(members) => open.extend(members.values().map(|member| (member, 0))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

/// Keywords whose sub-schemas look at the same value as the schema they stand in.
const IN_PLACE: [&str; 8] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref"];

fn follow(root: &Value, start: &Value) -> Result<(), SchemaError> {
    // A chain longer than the number of schemas in 64 KiB of text must repeat one of them.
    let mut path: Vec<*const Value> = Vec::new();
    visit(root, start, &mut path)
}

fn visit(root: &Value, node: &Value, path: &mut Vec<*const Value>) -> Result<(), SchemaError> {
    if path.contains(&std::ptr::from_ref(node)) {
        return Err(SchemaError(String::from("a `$ref` leads back to itself without looking into the value")));
    }
    if path.len() > 128 {
        return Err(SchemaError(String::from("`$ref`s are chained more than 128 deep")));
    }
    path.push(std::ptr::from_ref(node));
    for keyword in IN_PLACE {
        match (keyword, node.get(keyword)) {
            ("$ref", Some(Value::String(target))) => {
                if let Some(next) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
                    visit(root, next, path)?;
                }
            }
            (_, Some(Value::Array(items))) => {
                for item in items {
                    visit(root, item, path)?;
                }
            }
            (_, Some(item @ Value::Object(_))) => visit(root, item, path)?,
            _ => {}
        }
    }
    path.pop();
    Ok(())
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
