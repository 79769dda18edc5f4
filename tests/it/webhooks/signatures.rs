//! Signatures as a receiver checks them, with HMAC and base64 written here once more.

use semantest::config::secrets::RootKey;
use semantest::model::event::EventType;
use semantest::model::id::ClientId;
use semantest::webhooks::{Delivery, Signers, WebhookSecret, webhook_id};
use sha2::{Digest as _, Sha256};

use super::{deliverer, delivery};
use crate::net::Outcome;
use crate::net::peer::{Peer, Seen, answer};

/// HMAC-SHA256 as RFC 2104 writes it.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

/// Base64 as RFC 4648 writes it, bit by bit.
fn unbase64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte));
    let bits: Vec<bool> = values.flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1 == 1)).collect();
    bits.chunks_exact(8).map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

/// Whether a receiver that holds `secret` takes the request for genuine.
fn is_genuine(seen: &Seen, secret: &str) -> bool {
    let header = |name| seen.header(name).unwrap_or_default();
    let signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp"));
    let key = unbase64(secret.trim_start_matches("whsec_"));
    let expected = hmac(&key, &[signed.as_bytes(), &seen.body].concat());
    header("webhook-signature")
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .any(|signature| unbase64(signature) == expected)
}

async fn deliver(secrets: Vec<WebhookSecret>, id: &str) -> Result<Seen, Box<dyn std::error::Error>> {
    let peer = Peer::start(vec![answer(204, "", "")]).await?;
    let signers = Signers { secrets, pairs: Vec::new() };
    let delivery = Delivery { signers, webhook_id: id.to_owned(), ..delivery(peer.url("/hook")?) };
    deliverer(true)?.attempt(&delivery).await;
    peer.seen().pop().ok_or_else(|| "nothing came".into())
}

#[tokio::test]
async fn a_receiver_can_verify_what_it_gets() -> Outcome {
    let root = RootKey::generate();
    let secret = WebhookSecret::default_of(&root, &ClientId::parse("acme")?, 0);
    let id = webhook_id("img_1", EventType::JobCompleted);
    let seen = deliver(vec![secret.clone()], &id).await?;
    assert!(is_genuine(&seen, &secret.reveal()));
    assert!(!is_genuine(&seen, &WebhookSecret::generate().reveal()));
    assert_eq!(seen.line, "POST /hook HTTP/1.1");
    assert_eq!(seen.header("webhook-id"), Some(id.as_str()));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let timestamp: i64 = seen.header("webhook-timestamp").unwrap_or_default().parse()?;
    assert!((semantest::clock::now().timestamp() - timestamp).abs() <= 5);
    let mut forged = seen;
    forged.body.push(b' ');
    assert!(!is_genuine(&forged, &secret.reveal()));
    Ok(())
}

#[tokio::test]
async fn during_a_rotation_both_secrets_verify() -> Outcome {
    let (old, new) = (WebhookSecret::generate(), WebhookSecret::generate());
    let seen = deliver(vec![old.clone(), new.clone()], "msg_1").await?;
    assert!(is_genuine(&seen, &old.reveal()) && is_genuine(&seen, &new.reveal()));
    Ok(())
}
