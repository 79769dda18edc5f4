//! JSON Schemas of strangers: compiled without any way out, checked with all faults at once.

mod circles;
mod error;
mod keywords;
mod looks;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

pub use error::SchemaError;

/// Most faults that one check collects.
const MAX_FAULTS: usize = 50;

/// A schema that is ready to check values.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    /// Its text, where the work of a check must be counted first.
    repeating: Option<Value>,
}

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
pub fn compile(schema: &Value) -> Result<Schema, SchemaError> {
    circles::refuse_circles(schema)?;
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| SchemaError(error.to_string()))?;
    Ok(Schema { validator, repeating: looks::may_repeat(schema).then(|| schema.clone()) })
}

impl Schema {
    /// Every fault of `value`, up to 50.
    ///
    /// A value is refused unchecked where a schema that refers to itself would look at it more than four million times
    /// in all: a doubled reference doubles the work with each level of the value.
    #[must_use]
    pub fn faults(&self, value: &Value) -> Vec<SchemaFault> {
        let is_bounded = |schema| looks::Counter::new(schema).is_bounded(value);
        if !self.repeating.as_ref().is_none_or(is_bounded) {
            let message =
                String::from("is nested too deeply to be checked: its schema refers to itself on several ways");
            return vec![SchemaFault { pointer: String::new(), message }];
        }
        self.validator
            .iter_errors(value)
            .take(MAX_FAULTS)
            .map(|error| SchemaFault { pointer: error.instance_path().to_string(), message: error.to_string() })
            .collect()
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_faults_of_a_value_are_found() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}});
        let found = compile(&schema).map(|schema| schema.faults(&json!({"a": "x", "b": 1})).len());
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
        let found = compile(&schema).map(|schema| schema.faults(&hostile).len());
        assert_eq!(found, Ok(1));
    }

    #[test]
    fn no_schema_reaches_out() {
        for target in ["http://127.0.0.1:1/schema.json", "file:///etc/passwd"] {
            assert!(compile(&json!({"$ref": target})).is_err(), "{target}");
        }
    }

    fn nested(depth: usize, name: &str) -> Value {
        (0..depth).fold(json!(1), |inner, _| json!({ name: inner }))
    }

    #[test]
    fn a_doubled_reference_into_the_value_does_not_double_the_work_with_each_level() {
        let both = |schema: Value| json!({ "allOf": [schema, schema] });
        for schema in [
            both(json!({ "additionalProperties": { "$ref": "#" } })),
            both(json!({ "properties": { "a": { "$ref": "#" } } })),
            json!({ "patternProperties": { "a": { "$ref": "#" }, "^a": { "$ref": "#" } } }),
            json!({ "anyOf": [{ "additionalProperties": { "$ref": "#" } }, { "properties": { "a": { "$ref": "#" } } }] }),
            json!({ "allOf": [{ "properties": { "a": { "$ref": "#" } } }], "unevaluatedProperties": { "$ref": "#" } }),
        ] {
            let compiled = compile(&schema);
            let faults = |depth| compiled.as_ref().map(|schema| schema.faults(&nested(depth, "a")));
            assert_eq!(faults(5), Ok(Vec::new()), "{schema}");
            let refused = faults(100).map(|faults| faults.into_iter().map(|fault| fault.message).collect::<String>());
            assert!(refused.as_ref().is_ok_and(|text| text.contains("nested too deeply")), "{schema}: {refused:?}");
        }
    }

    #[test]
    fn an_honest_schema_of_trees_takes_deep_and_wide_values() {
        let tree = json!({
            "type": ["object", "integer"], "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } },
            "additionalProperties": { "$ref": "#" },
        });
        let mut wide = json!({});
        for number in 0..10_000 {
            wide[format!("n{number}")] = nested(2, "left");
        }
        for value in [nested(100, "left"), nested(100, "other"), wide] {
            assert_eq!(compile(&tree).map(|schema| schema.faults(&value).len()), Ok(0));
        }
    }
}
