//! What a statement says, that nothing in it can be changed, and that other languages can make one.

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The first test key of RFC 8032.
fn secret() -> Result<SecretKey, Box<dyn std::error::Error>> {
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| "32 bytes")?;
    Ok(SecretKey::from_bytes(&seed))
}

fn statement() -> Result<Statement, Box<dyn std::error::Error>> {
    Ok(Statement {
        addon: AddonId::parse("acme.greeter")?,
        version: Version::new(1, 0, 0),
        component: Digest::of(b"component"),
        manifest: Digest::of(b"manifest"),
        publisher: String::from("acme"),
        created: DateTime::parse_from_rfc3339("2026-11-20T10:00:00Z")?.with_timezone(&Utc),
        contract: ContractRange::parse(">=1.0, <2")?,
    })
}

/// The vector of `docs/AUTHORS.md`: this text, signed by `openssl pkeyutl -sign -rawin`.
const TEXT: &str = "semantest:addon-signature:v1\n\
    addon acme.greeter\n\
    version 1.0.0\n\
    component sha256:6985ca1f4daa5a584a28eae043a239cb96689af1337ea13afb63e00c2bf512fa\n\
    manifest sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f\n\
    publisher acme\n\
    created 2026-11-20T10:00:00Z\n\
    contract >=1.0, <2\n";
const BY_OPENSSL: &str = "umtHEVTrxMDGtUY93bxQaxr2ecySrvCRkHwFlWGGse474N2WicgUtXMQDnRZzC8dF6A2Uuvjoy0VlWtrztUlBw==";

#[test]
fn the_test_vector_holds() -> Outcome {
    assert_eq!(statement()?.to_text(), TEXT);
    let signed = SignedStatement::sign(statement()?, &secret()?);
    assert_eq!(STANDARD.encode(signed.signature), BY_OPENSSL);
    let text = signed.to_string();
    assert!(text.starts_with("v1.21fe31dfa154a261626bf854046fd227.c2VtYW50ZXN0OmFkZG9u"), "{text}");
    assert_eq!(SignedStatement::parse(&text)?, signed);
    signed.verify(&secret()?.public())?;
    Ok(())
}

#[test]
fn there_is_one_way_to_write_a_statement() -> Outcome {
    assert_eq!(Statement::parse(TEXT)?, statement()?);
    for (from, to) in [
        ("semantest:addon-signature:v1\n", ""),
        (":v1\n", ":v2\n"),
        ("addon acme.greeter", "addon  acme.greeter"),
        ("version 1.0.0\n", ""),
        ("10:00:00Z", "10:00:00+00:00"),
        ("10:00:00Z", "10:00:00.5Z"),
        (">=1.0, <2", ">=1.0,<2"),
        ("sha256:69", "sha256:6"),
        ("sha256:6985ca1f", "sha256:6985CA1F"),
        ("<2\n", "<2"),
        ("<2\n", "<2\n\n"),
        ("\n", "\r\n"),
        ("publisher acme", "publisher acme\nnote hello"),
    ] {
        assert!(Statement::parse(&TEXT.replace(from, to)).is_err(), "{from:?} → {to:?}");
    }
    Ok(())
}

#[test]
fn a_statement_is_about_one_thing_only() -> Outcome {
    let said = statement()?;
    let (addon, other) = (AddonId::parse("acme.greeter")?, AddonId::parse("acme.other")?);
    let (version, later) = (Version::new(1, 0, 0), Version::new(1, 0, 1));
    let (component, manifest) = (Digest::of(b"component"), Digest::of(b"manifest"));
    let (contract, wider) = (ContractRange::parse(">=1.0, <2")?, ContractRange::parse(">=1.0")?);
    let right = Subject {
        addon: &addon,
        version: &version,
        component: &component,
        manifest: &manifest,
        contract: Some(&contract),
    };
    assert_eq!(said.is_about(&right), Ok(()));
    assert_eq!(said.is_about(&Subject { contract: None, ..right }), Ok(()));
    for (subject, what) in [
        (Subject { addon: &other, ..right }, "addon"),
        (Subject { version: &later, ..right }, "version"),
        (Subject { component: &manifest, ..right }, "component digest"),
        (Subject { manifest: &component, ..right }, "manifest digest"),
        (Subject { contract: Some(&wider), ..right }, "contract range"),
    ] {
        match said.is_about(&subject) {
            Err(SignatureFault::Other { what: found, .. }) => assert_eq!(found, what),
            other => return Err(format!("{what}: {other:?}").into()),
        }
    }
    let foreign = Statement { publisher: String::from("evil"), ..statement()? };
    assert!(matches!(foreign.is_about(&right), Err(SignatureFault::Other { what: "publisher", .. })));
    Ok(())
}

#[test]
fn a_signature_of_another_key_or_for_another_text_is_forged() -> Outcome {
    let signed = SignedStatement::sign(statement()?, &secret()?);
    let other = SecretKey::from_bytes(&[1; 32]);
    assert!(signed.verify(&other.public()).is_err());
    let stolen = SignedStatement { key: other.public().id(), ..signed.clone() };
    assert!(stolen.verify(&other.public()).is_err());
    let moved = SignedStatement { statement: Statement { version: Version::new(2, 0, 0), ..statement()? }, ..signed };
    assert!(matches!(moved.verify(&secret()?.public()), Err(SignatureFault::Forged { .. })));
    Ok(())
}

#[test]
fn what_is_no_signature_says_why() {
    for text in ["", "v1", "v2.a.b.c", "v1.21fe31dfa154a261626bf854046fd227.AA.AA", &"x".repeat(3000)] {
        assert!(matches!(SignedStatement::parse(text), Err(SignatureFault::Form(_))), "{text}");
    }
}

proptest! {
    #[test]
    fn no_changed_byte_is_believed(at in 0_usize..700, change in 1_u8..=255) {
        let signed = SignedStatement::sign(statement().map_err(|e| TestCaseError::fail(e.to_string()))?, &secret().map_err(|e| TestCaseError::fail(e.to_string()))?);
        let public = secret().map_err(|e| TestCaseError::fail(e.to_string()))?.public();
        let mut bytes = signed.to_string().into_bytes();
        prop_assume!(at < bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= change;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok(changed) = SignedStatement::parse(&text) {
            // White space around the whole is not part of it.
            prop_assert!(changed == signed || changed.verify(&public).is_err());
        }
    }

    #[test]
    fn every_statement_reads_back(name in "[a-z0-9]{2,40}", major in 0_u64..9, pre in "(-[a-z]{1,5})?", seconds in 0_i64..4_000_000_000) {
        let version = Version::parse(&format!("{major}.0.0{pre}")).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let addon = AddonId::parse(&format!("acme.{name}")).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let created = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let said = Statement { addon, version, created, ..statement().map_err(|e| TestCaseError::fail(e.to_string()))? };
        prop_assert_eq!(Statement::parse(&said.to_text()), Ok(said));
    }
}
