//! Bodies that name a receiver of webhooks: its address is looked at together with everything else, so that all faults come at
//! once.

use axum::extract::{FromRequest, Request};
use serde_json::Value;

use super::body;
use super::fields::{Fields, read_object};
use super::job_options::{UrlCheck, read_url};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::model::event::{EventFilter, EventType};

/// A JSON body that may name a receiver.
#[derive(Debug)]
pub struct ReceiverBody<T>(pub T);

/// A body that is read member by member, with somebody who knows which addresses may be called.
pub trait FromReceiverFields: Sized {
    /// Whether the body may be left out.
    const MAY_BE_EMPTY: bool = false;

    /// Reads the members; every fault is noted in `fields`, and `None` is allowed only after one was.
    fn read(fields: &mut Fields<'_>, may_call: &UrlCheck<'_>) -> Option<Self>;
}

impl<T: FromReceiverFields> FromRequest<ApiState> for ReceiverBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, content) = request.into_parts();
        let most = state.config.server.json_limit;
        let is_unnamed = T::MAY_BE_EMPTY && body::media_type(&parts.headers).is_empty();
        let bytes = if is_unnamed {
            body::collect(&parts.headers, content, most).await?
        } else {
            body::json_bytes(&parts.headers, content, most).await?
        };
        let value = if T::MAY_BE_EMPTY && bytes.is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            body::parse(&bytes)?
        };
        let mut faults = Vec::new();
        let read = read_object(value, String::new(), &mut faults, |fields| {
            T::read(fields, &|url| {
                state.services.webhooks.check_target(url.as_str()).map_err(|error| error.to_string())
            })
        });
        body::done(read, faults).map(Self)
    }
}

/// The receiver's address, where the body names one.
pub fn receiver_url(fields: &mut Fields<'_>, name: &'static str, may_call: &UrlCheck<'_>) -> Option<String> {
    let value = fields.value(name)?;
    match read_url(&value, may_call) {
        Ok(url) => Some(url),
        Err(message) => {
            fields.fault(name, message);
            None
        }
    }
}

/// The events that an endpoint wants, where the body names any; an empty list is all of them.
pub fn event_filter(fields: &mut Fields<'_>, name: &'static str) -> Option<EventFilter> {
    let events = fields.items(name, EventType::ALL.len(), |item| {
        let event = item.as_str().and_then(EventType::parse).filter(|event| event.is_for_endpoints());
        event.ok_or_else(|| {
            let all = EventType::ALL.iter().filter(|event| event.is_for_endpoints());
            let all: Vec<_> = all.map(|event| format!("`{}`", event.as_str())).collect();
            format!("must be one of {}", all.join(", "))
        })
    })?;
    let mut named = Vec::with_capacity(events.len());
    for event in events {
        if !named.contains(&event) {
            named.push(event);
        }
    }
    Some(EventFilter::of(named))
}
