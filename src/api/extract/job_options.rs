//! The options that every request for a job takes, at the top level of its body.
//!
//! The platform's first API had them inside `imageGeneration`; there they are
//! still understood. Given in both places they must agree.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::fields::Fields;
use crate::model::event::{EventType, WebhookTarget};
use crate::model::job::Priority;
use crate::work::JobOptions;

/// Most bytes of `metadata`, as JSON (`api.md`).
pub const MAX_METADATA_BYTES: usize = 4 * 1024;
/// Longest `webhookUrl`, in characters: what browsers and proxies pass on.
const MAX_URL_CHARS: usize = 2048;
/// Shortest and longest `timeoutMs`: below, nothing can end; above, nobody waits.
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1..=3_600_000;

/// The names of the options.
const NAMES: [&str; 5] = ["webhookUrl", "webhookEvents", "metadata", "priority", "timeoutMs"];

/// Whether a receiver's address may be called at all; the answer is a sentence for the client.
pub type UrlCheck<'c> = dyn Fn(&Url) -> Result<(), String> + 'c;

/// The options as they stand in the body, taken but not yet read: value and the pointer it had.
#[derive(Debug, Default)]
pub struct RawOptions {
    taken: [Option<(String, Value)>; 5],
    is_for_batch: bool,
}

impl RawOptions {
    /// The options are a batch's: its own event may be named too, and is the one that its receiver gets where none is.
    pub fn for_batch(&mut self) {
        self.is_for_batch = true;
    }

    /// Takes the options out of one object.
    pub fn take(&mut self, fields: &mut Fields<'_>) {
        for (slot, name) in self.taken.iter_mut().zip(NAMES) {
            let Some(value) = fields.value(name) else { continue };
            let pointer = fields.pointer_to(name);
            match slot {
                None => *slot = Some((pointer, value)),
                Some((_, first)) if *first == value => {}
                Some((first, _)) => fields.fault_at(pointer, format!("differs from `{first}`")),
            }
        }
    }

    /// Reads what was taken.
    pub fn read(self, fields: &mut Fields<'_>, may_call: &UrlCheck<'_>) -> JobOptions {
        let known: &[EventType] = if self.is_for_batch { &EventType::OF_A_BATCH } else { &EventType::OF_A_JOB };
        let unnamed: &[EventType] = if self.is_for_batch { &[EventType::BatchCompleted] } else { &EventType::TERMINAL };
        let [url, events, metadata, priority, timeout] = self.taken;
        let url_pointer = url.as_ref().map(|(pointer, _)| pointer.clone());
        let url = url.and_then(|(pointer, value)| note(fields, pointer, read_url(&value, may_call)));
        let events_pointer = events.as_ref().map(|(pointer, _)| pointer.clone());
        let events = events.and_then(|(pointer, value)| note(fields, pointer, read_events(&value, known)));
        if let (None, Some(pointer)) = (url_pointer, events_pointer) {
            fields.fault_at(pointer, "needs `webhookUrl`");
        }
        let webhook = url.map(|url| WebhookTarget { url, events: events.unwrap_or_else(|| unnamed.to_vec()) });
        JobOptions {
            webhook,
            metadata: metadata.and_then(|(pointer, value)| note(fields, pointer, read_metadata(value))),
            priority: priority
                .and_then(|(pointer, value)| note(fields, pointer, read_priority(&value)))
                .unwrap_or_default(),
            timeout: timeout.and_then(|(pointer, value)| note(fields, pointer, read_timeout(&value))),
            ..JobOptions::default()
        }
    }
}

fn note<T>(fields: &mut Fields<'_>, pointer: String, read: Result<T, String>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(message) => {
            fields.fault_at(pointer, message);
            None
        }
    }
}

/// Reads the address of a receiver.
///
/// # Errors
/// What is wrong with it, in words for the client.
pub fn read_url(value: &Value, may_call: &UrlCheck<'_>) -> Result<String, String> {
    let text = value.as_str().ok_or("must be a string")?;
    if text.len() > MAX_URL_CHARS {
        return Err(format!("must be at most {MAX_URL_CHARS} characters"));
    }
    let url = Url::parse(text).map_err(|error| format!("must be an absolute URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(String::from("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(String::from("must not carry a user name or password"));
    }
    may_call(&url)?;
    Ok(url.into())
}

fn read_events(value: &Value, known: &[EventType]) -> Result<Vec<EventType>, String> {
    let items = value.as_array().filter(|items| !items.is_empty()).ok_or("must be a list of at least one event")?;
    let mut events = Vec::with_capacity(items.len().min(known.len()));
    for item in items {
        let event =
            item.as_str().and_then(EventType::parse).filter(|event| known.contains(event)).ok_or_else(|| {
                let all: Vec<_> = known.iter().map(|event| format!("`{}`", event.as_str())).collect();
                format!("every entry must be one of {}", all.join(", "))
            })?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(events)
}

fn read_metadata(value: Value) -> Result<Value, String> {
    let size = value.to_string().len();
    if size > MAX_METADATA_BYTES {
        return Err(format!("must be at most {MAX_METADATA_BYTES} bytes as JSON, has {size}"));
    }
    Ok(value)
}

fn read_priority(value: &Value) -> Result<Priority, String> {
    match value.as_str() {
        Some("low") => Ok(Priority::Low),
        Some("normal") => Ok(Priority::Normal),
        Some("high") => Ok(Priority::High),
        _ => Err(String::from("must be one of `low`, `normal`, `high`")),
    }
}

fn read_timeout(value: &Value) -> Result<Duration, String> {
    value
        .as_u64()
        .filter(|millis| TIMEOUT_MS.contains(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("must be a whole number, {}-{}", TIMEOUT_MS.start(), TIMEOUT_MS.end()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::read_object;
    use super::*;
    use crate::api::problem::Fault;

    fn read(body: Value) -> (JobOptions, Vec<Fault>) {
        let mut faults = Vec::new();
        let options = read_object(body, String::new(), &mut faults, |fields| {
            let mut raw = RawOptions::default();
            raw.take(fields);
            fields.object("imageGeneration", |nested| raw.take(nested));
            raw.read(fields, &|_| Ok(()))
        });
        (options, faults)
    }

    #[test]
    fn options_inside_image_generation_are_understood() {
        let (options, faults) =
            read(json!({"imageGeneration": {"webhookUrl": "https://a.example/", "priority": "high"}}));
        assert_eq!(faults, []);
        assert_eq!(options.priority, Priority::High);
        let webhook = options.webhook.map(|webhook| (webhook.url, webhook.events));
        assert_eq!(webhook, Some((String::from("https://a.example/"), EventType::TERMINAL.to_vec())));
    }

    #[test]
    fn options_in_both_places_must_agree() {
        let (_, faults) = read(json!({"priority": "low", "imageGeneration": {"priority": "low"}}));
        assert_eq!(faults, []);
        let (_, faults) = read(json!({"priority": "low", "imageGeneration": {"priority": "high"}}));
        assert_eq!(faults, [Fault::at("/imageGeneration/priority", "differs from `/priority`")]);
    }

    #[test]
    fn every_bad_option_is_named() {
        let (_, faults) = read(json!({
            "webhookUrl": "ftp://a.example", "webhookEvents": ["job.done"], "metadata": "x".repeat(5000),
            "priority": 5, "timeoutMs": 0,
        }));
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/webhookUrl", "/webhookEvents", "/metadata", "/priority", "/timeoutMs"]);
    }

    #[test]
    fn events_need_a_receiver() {
        let (_, faults) = read(json!({"webhookEvents": ["job.started"]}));
        assert_eq!(faults, [Fault::at("/webhookEvents", "needs `webhookUrl`")]);
    }
}
