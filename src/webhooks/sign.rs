//! Standard Webhooks, version 1: what is signed and under which id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::digest::Digest;
use crate::model::event::EventType;
use crate::webhooks::secret::WebhookSecret;

/// The value of `webhook-signature`: one `v1,<base64>` for each secret, so that both sides of a rotation verify.
///
/// Signed is `id.timestamp.body`, the timestamp in Unix seconds.
#[must_use]
pub fn signature_header(secrets: &[WebhookSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| format!("v1,{}", STANDARD.encode(secret.authenticate(&[head.as_bytes(), body]))))
        .collect();
    signatures.join(" ")
}

/// The `webhook-id` of an event that happens once to `subject` (a job, or one change of an enablement).
///
/// Made from the two, so that a dispatch that runs twice names the same delivery. A hash, because the id must hold
/// no dot: dots separate what is signed.
#[must_use]
pub fn webhook_id(subject: &str, event: EventType) -> String {
    named(&format!("{}\n{subject}", event.as_str()))
}

/// The `webhook-id` of an event that happens again and again, such as `job.progress`: each occurrence is its own.
#[must_use]
pub fn webhook_id_of_occurrence(subject: &str, event: EventType, sequence: u64) -> String {
    named(&format!("{}\n{subject}\n{sequence}", event.as_str()))
}

fn named(text: &str) -> String {
    // Half of the digest is still 128 bits, and the id stays short in logs.
    let digits: String = Digest::of(text.as_bytes()).hex().chars().take(32).collect();
    format!("msg_{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        // The worked example of the Standard Webhooks libraries' tests.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let header =
            secret.map(|secret| signature_header(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body));
        assert_eq!(header.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let secrets = [WebhookSecret::generate(), WebhookSecret::generate()];
        let both = signature_header(&secrets, "msg_1", 1, b"{}");
        let each: Vec<String> =
            secrets.iter().map(|secret| signature_header(std::slice::from_ref(secret), "msg_1", 1, b"{}")).collect();
        assert_eq!(both, each.join(" "));
    }

    #[test]
    fn an_id_is_stable_has_no_dot_and_belongs_to_one_event() {
        let id = webhook_id("img_1", EventType::JobCompleted);
        assert_eq!(id, webhook_id("img_1", EventType::JobCompleted));
        assert!(id.starts_with("msg_") && !id.contains('.') && id.len() == 36, "{id}");
        assert_ne!(id, webhook_id("img_1", EventType::JobFailed));
        assert_ne!(id, webhook_id("img_2", EventType::JobCompleted));
        assert_ne!(
            webhook_id_of_occurrence("img_1", EventType::JobProgress, 1),
            webhook_id_of_occurrence("img_1", EventType::JobProgress, 2)
        );
    }
}
