//! The stable codes as schemas, for the description of the API.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::problem_code::ProblemCode;
use crate::model::code::JobCode;

/// The schema of a problem's `code`: every code there is.
pub(super) fn problem_codes() -> Object {
    words(ProblemCode::ALL.iter().map(|code| code.as_str()))
}

/// The schema of a failed job's `code`: every code there is.
pub(super) fn job_codes() -> Object {
    words(JobCode::ALL.iter().map(|code| code.as_str()))
}

/// A string that is one of `all`.
fn words<T: Into<serde_json::Value>>(all: impl IntoIterator<Item = T>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(all)).build()
}
