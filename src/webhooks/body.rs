//! The body of a webhook, kept small: links instead of bytes.

use serde_json::{Value, json};

use crate::model::event::EventBody;
use crate::model::units::ByteSize;

/// Longest error message that a webhook carries when it does not fit otherwise, in characters.
const SHORT_MESSAGE: usize = 500;

/// The event as JSON of at most `max`: what does not fit is replaced, first the result, then the error's details,
/// then the metadata, each by a note that says where the whole of it is.
///
/// `job_url` is where the receiver can read the job with its key.
#[must_use]
pub fn truncate_body(mut event: EventBody, job_url: &str, max: ByteSize) -> String {
    let mut text = written(&event);
    for shorten in [shorten_result, shorten_error, shorten_metadata] {
        if text.len() <= max.as_usize() {
            break;
        }
        shorten(&mut event, job_url);
        text = written(&event);
    }
    text
}

fn written(event: &EventBody) -> String {
    // An event is plain data with text keys, which JSON always has a way to write.
    serde_json::to_string(event).unwrap_or_default()
}

fn shorten_result(event: &mut EventBody, job_url: &str) {
    event.data.result = event.data.result.take().map(|value| note(&value, job_url));
}

fn shorten_error(event: &mut EventBody, job_url: &str) {
    let Some(error) = event.data.error.as_mut().and_then(Value::as_object_mut) else { return };
    if let Some(details) = error.get_mut("details") {
        *details = note(details, job_url);
    }
    if let Some(Value::String(message)) = error.get_mut("message") {
        *message = message.chars().take(SHORT_MESSAGE).collect();
    }
}

fn shorten_metadata(event: &mut EventBody, job_url: &str) {
    event.data.metadata = event.data.metadata.take().map(|value| note(&value, job_url));
}

fn note(value: &Value, job_url: &str) -> Value {
    json!({"truncated": true, "sizeBytes": value.to_string().len(), "url": job_url})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::model::event::{EventData, EventType};
    use crate::model::job::JobKind;

    const URL: &str = "https://host.example/api/v1/jobs/img_1";

    fn event() -> EventBody {
        let data = EventData::of_job(JobKind::Generate, "img_1", 3);
        EventBody { event: EventType::JobCompleted, timestamp: clock::now(), data }
    }

    fn shortened(event: EventBody) -> Result<EventBody, serde_json::Error> {
        let text = truncate_body(event, URL, ByteSize::bytes(20_000));
        assert!(text.len() <= 20_000, "{} bytes", text.len());
        serde_json::from_str(&text)
    }

    #[test]
    fn a_small_event_stays_as_it_is() -> Result<(), serde_json::Error> {
        let mut small = event();
        small.data.result = Some(json!({"images": []}));
        assert_eq!(shortened(small.clone())?, small);
        Ok(())
    }

    #[test]
    fn a_large_result_becomes_a_link() -> Result<(), serde_json::Error> {
        let mut large = event();
        large.data.result = Some(json!("x".repeat(30_000)));
        large.data.metadata = Some(json!({"order": 7}));
        let short = shortened(large)?;
        assert_eq!(short.data.result, Some(json!({"truncated": true, "sizeBytes": 30_002, "url": URL})));
        assert_eq!(short.data.metadata, Some(json!({"order": 7})));
        Ok(())
    }

    #[test]
    fn everything_large_at_once_still_fits() -> Result<(), serde_json::Error> {
        let mut large = event();
        large.data.result = Some(json!("x".repeat(30_000)));
        large.data.metadata = Some(json!("y".repeat(30_000)));
        large.data.error =
            Some(json!({"code": "INTERNAL", "message": "ä".repeat(30_000), "details": ["z".repeat(30_000)]}));
        let short = shortened(large)?;
        assert_eq!(short.data.error.as_ref().and_then(|error| error.get("code")), Some(&json!("INTERNAL")));
        Ok(())
    }
}
