//! A handler that panics answers like any other fault of ours; its connection and its neighbours live on.

use std::any::Any;

use axum::response::{IntoResponse as _, Response};

use crate::api::problem::Problem;

/// The answer in place of the one that never came.
pub(super) fn answer(payload: &(dyn Any + Send)) -> Response {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| String::from("a payload that is no text"));
    Problem::internal().because(format!("the handler panicked: {text}")).into_response()
}
