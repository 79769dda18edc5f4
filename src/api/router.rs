//! The public listener's router, and the description that is made from the same list of routes.

use axum::{Router, middleware};

use super::state::ApiState;
use super::{layers, routes};

/// The description as pretty JSON.
///
/// # Errors
/// When it cannot be written, which a test rules out.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let (_, description) = routes::all().split_for_parts();
    description.to_pretty_json().map(|text| text + "\n")
}

/// The router of the public listener.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().split_for_parts();
    let around = middleware::from_fn_with_state(state.clone(), layers::around_clients);
    router.fallback(layers::no_route).layer(around).with_state(state)
}
