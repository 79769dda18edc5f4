//! Counts each request of a client before it costs anything, or beside what it costs.
//!
//! Only reads run beside their own counting: what a refused one found is thrown away. Requests that make a job are
//! counted by the script that writes the job's record, and here only where they never came so far. Everything else is
//! counted first. Where Redis is away nothing can be counted, and nobody is let in: 503, as the routes answer then anyway.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::extract::caller::{self, Caller};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::model::rate::RateGroup;
use crate::work::Admission;

use super::{audit, head, rate_fields};

/// When a request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before its handler runs.
    Before,
    /// While its handler runs.
    Beside,
    /// By its handler.
    Within,
}

/// Routes whose handler counts: what they leave is counted together with the job's record.
const WITHIN: [&str; 3] =
    ["/api/v1/chat/new", "/api/v1/images/generate", "/api/v1/users/{userId}/addons/{addonId}/actions/{action}"];

/// Lets a request of the public listener through to its handler, or not.
pub(super) async fn admit(api: ApiState, mut request: Request, next: Next) -> Response {
    if let Some(problem) = head::refusal(request.headers(), api.limits.settings()) {
        return problem.into_response();
    }
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let is_counted = api.limits.are_enforced() && caller::has_key(request.headers());
    let Some(group) = group(route).filter(|_| is_counted) else {
        return audit::run(&api, request, next).await;
    };
    // Who has no good key is told so by the handler.
    let Ok(caller) = Caller::of(request.headers(), &api).await else { return audit::run(&api, request, next).await };
    let Some(admission) = api.limits.admission(caller.record(), group) else {
        return audit::run(&api, request, next).await;
    };
    let moment = moment(request.method(), route);
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(admission.clone());
    let mut response = match moment {
        Moment::Before => match admission.count().await {
            Ok(()) => audit::run(&api, request, next).await,
            Err(error) => Problem::from(error).into_response(),
        },
        Moment::Beside => match tokio::join!(admission.count(), audit::run(&api, request, next)) {
            (Ok(()), response) => response,
            (Err(error), _) => Problem::from(error).into_response(),
        },
        Moment::Within => {
            let response = audit::run(&api, request, next).await;
            count_the_rest(&admission, response).await
        }
    };
    rate_fields::add(&mut response, &admission.standings().unwrap_or_default());
    response
}

/// A request that was answered before its handler could count it, such as one that breaks rules.
async fn count_the_rest(admission: &Admission, response: Response) -> Response {
    if admission.standings().is_some() || response.status().is_success() {
        return response;
    }
    match admission.count().await {
        Ok(()) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Which limits a route shares; none where it needs no key.
fn group(route: &str) -> Option<RateGroup> {
    let rest = route.strip_prefix("/api/v1/")?;
    let first = rest.split('/').next().unwrap_or(rest);
    match (rest, first) {
        ("chat/new", _) => Some(RateGroup::Chat),
        ("images/generate", _) => Some(RateGroup::Images),
        ("images/batch", _) => Some(RateGroup::Batch),
        ("health", _) => None,
        (_, "jobs" | "images") => Some(RateGroup::Jobs),
        (_, "addons" | "users") => Some(RateGroup::Addons),
        _ => Some(RateGroup::Other),
    }
}

fn moment(method: &Method, route: &str) -> Moment {
    if WITHIN.contains(&route) {
        Moment::Within
    } else if method.is_safe() {
        Moment::Beside
    } else {
        Moment::Before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_with_a_key_shares_some_limit() {
        for (route, expected) in [
            ("/api/v1/chat/new", Some(RateGroup::Chat)),
            ("/api/v1/images/generate", Some(RateGroup::Images)),
            ("/api/v1/images/batch", Some(RateGroup::Batch)),
            ("/api/v1/images/batches/{batchId}", Some(RateGroup::Jobs)),
            ("/api/v1/images/status/{jobId}", Some(RateGroup::Jobs)),
            ("/api/v1/jobs/{jobId}", Some(RateGroup::Jobs)),
            ("/api/v1/addons", Some(RateGroup::Addons)),
            ("/api/v1/users/{userId}/addons/{addonId}", Some(RateGroup::Addons)),
            ("/api/v1/webhooks/{webhookId}", Some(RateGroup::Other)),
            ("/api/v1/admin/keys", Some(RateGroup::Other)),
            ("/api/v1/health", None),
            ("/openapi.json", None),
            ("", None),
        ] {
            assert_eq!(group(route), expected, "{route}");
        }
    }
}
