//! The manifest inside: once, and without a fault.

use anyhow::Result;
use semantest::model::code::JobCode;

use super::{ACTIONS, inspected, packed, plain_manifest, refusal};

/// A custom section with a short name and content.
fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = vec![u8::try_from(name.len()).unwrap_or(0)];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(content);
    let length = body.len();
    let mut section = vec![0, u8::try_from(length & 0x7f).unwrap_or(0) | 0x80, u8::try_from(length >> 7).unwrap_or(0)];
    section.extend(body);
    section
}

#[test]
fn a_component_without_a_manifest_says_how_to_get_one() -> Result<()> {
    let bytes = wat::parse_str(format!("(component {ACTIONS})"))?;
    let refusal = refusal(&bytes)?;
    assert_eq!((refusal.code(), refusal.step()), (JobCode::ManifestMissing, "manifest"));
    assert!(refusal.to_string().contains("semantest addon pack"), "{refusal}");
    Ok(())
}

#[test]
fn two_manifests_are_none() -> Result<()> {
    let mut bytes = packed(ACTIONS, &plain_manifest())?;
    bytes.extend(custom("semantest:manifest", plain_manifest().to_string().as_bytes()));
    let refusal = refusal(&bytes)?;
    assert_eq!(refusal.code(), JobCode::ManifestInvalid);
    assert!(refusal.to_string().contains("stands 2 times"), "{refusal}");
    Ok(())
}

#[test]
fn every_fault_of_a_manifest_is_told_at_once() -> Result<()> {
    let mut bytes = wat::parse_str(format!("(component {ACTIONS})"))?;
    let manifest = br#"{"id":"acme.probe","version":"1.0.0","name":"Probe","colour":"red","actions":[{"name":5}]}"#;
    bytes.extend(custom("semantest:manifest", manifest));
    let refusal = refusal(&bytes)?;
    assert_eq!(refusal.code(), JobCode::ManifestInvalid);
    let faults = refusal.details()["faults"].as_array().map_or(0, Vec::len);
    assert!(faults >= 3, "{}", refusal.details());
    Ok(())
}

#[test]
fn a_manifest_that_is_no_json_is_refused() -> Result<()> {
    for content in [&b""[..], b"\xff\xfe", b"{", b"null"] {
        let mut bytes = wat::parse_str(format!("(component {ACTIONS})"))?;
        bytes.extend(custom("semantest:manifest", content));
        assert_eq!(refusal(&bytes)?.code(), JobCode::ManifestInvalid, "{content:?}");
    }
    Ok(())
}

#[test]
fn the_contract_range_comes_from_the_component_where_the_manifest_says_none() -> Result<()> {
    assert_eq!(inspected(&packed(ACTIONS, &plain_manifest())?)?.contract.to_string(), ">=1.0, <2");
    let mut manifest = plain_manifest();
    manifest["contract"] = "1".into();
    assert_eq!(inspected(&packed(ACTIONS, &manifest)?)?.contract.to_string(), "^1");
    Ok(())
}

#[test]
fn a_manifest_for_another_contract_is_refused() -> Result<()> {
    let mut manifest = plain_manifest();
    manifest["contract"] = ">=9.0, <10".into();
    let refusal = refusal(&packed(ACTIONS, &manifest)?)?;
    assert_eq!(refusal.code(), JobCode::ContractUnsupported);
    assert!(refusal.to_string().contains("this host implements 1.0.0"), "{refusal}");
    Ok(())
}
