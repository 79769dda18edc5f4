//! Standard Webhooks, version 1: what is signed and under which id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::digest::Digest;
use crate::model::event::EventType;
use crate::webhooks::keyring::Signers;

/// The value of `webhook-signature`: one `v1,<base64>` for each secret and one `v1a,<base64>` for each key pair, so that both
/// sides of a rotation verify.
///
/// Signed is `id.timestamp.body`, the timestamp in Unix seconds.
#[must_use]
pub fn signature_header(signers: &Signers, id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = format!("{id}.{timestamp}.");
    let signed = [head.as_bytes(), body];
    let shared = signers.secrets.iter().map(|secret| format!("v1,{}", STANDARD.encode(secret.authenticate(&signed))));
    let public = signers.pairs.iter().map(|pair| format!("v1a,{}", STANDARD.encode(pair.sign(&signed))));
    shared.chain(public).collect::<Vec<_>>().join(" ")
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
    use crate::config::secrets::RootKey;
    use crate::model::id::ClientId;
    use crate::model::signature::PublicKey;
    use crate::webhooks::key_pair::KeyPair;
    use crate::webhooks::secret::WebhookSecret;

    fn shared(secrets: Vec<WebhookSecret>) -> Signers {
        Signers { secrets, pairs: Vec::new() }
    }

    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        // The worked example of the Standard Webhooks libraries' tests.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let header = secret
            .map(|secret| signature_header(&shared(vec![secret]), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body));
        assert_eq!(header.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let secrets = vec![WebhookSecret::generate(), WebhookSecret::generate()];
        let each: Vec<String> =
            secrets.iter().map(|secret| signature_header(&shared(vec![secret.clone()]), "msg_1", 1, b"{}")).collect();
        assert_eq!(signature_header(&shared(secrets), "msg_1", 1, b"{}"), each.join(" "));
    }

    #[test]
    fn a_key_pair_signs_the_same_text_and_only_its_public_half_verifies() -> Result<(), Box<dyn std::error::Error>> {
        let root = RootKey::from_bytes([3; 32]);
        let pair = |name: &str| ClientId::parse(name).map(|client| KeyPair::of(&root, &client, 1));
        let signers = Signers { secrets: vec![WebhookSecret::generate()], pairs: vec![pair("acme")?] };
        let header = signature_header(&signers, "msg_1", 7, b"{}");
        let (_, encoded) = header.split_once(" v1a,").ok_or("no v1a")?;
        let signature: [u8; 64] = STANDARD.decode(encoded)?.try_into().map_err(|_| "not 64 bytes")?;
        let verifies = |pair: &KeyPair, text: &[u8]| {
            let key = PublicKey::parse(pair.public().whpk.trim_start_matches("whpk_"));
            key.map(|key| key.verifies(text, &signature))
        };
        assert!(verifies(&pair("acme")?, b"msg_1.7.{}")?);
        assert!(!verifies(&pair("acme")?, b"msg_1.8.{}")?);
        assert!(!verifies(&pair("other")?, b"msg_1.7.{}")?);
        Ok(())
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
