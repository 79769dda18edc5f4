//! What a component imports against what its manifest declares.

use anyhow::Result;
use semantest::model::capability::CapabilityKind;
use semantest::model::code::JobCode;

use super::{ACTIONS, asking_for, codes, inspected, packed, plain_manifest, refusal};

/// An interface with something to call in it.
fn callable(name: &str) -> String {
    format!(r#"(import "{name}" (instance (export "go" (func)))) {ACTIONS}"#)
}

/// An interface with a type in it, and nothing to call.
fn types_only(name: &str) -> String {
    format!(r#"(import "{name}" (instance (type $t string) (export "json" (type (eq $t))))) {ACTIONS}"#)
}

/// An interface that gives a kind of handle its name.
fn handles_only(name: &str) -> String {
    format!(r#"(import "{name}" (instance (export "handle" (type (sub resource))))) {ACTIONS}"#)
}

#[test]
fn the_baseline_needs_no_capability() -> Result<()> {
    for name in [
        "semantest:addon/types@1.0.0",
        "semantest:addon/assets@1.0.0",
        "semantest:addon/image-types@1.0.0",
        "semantest:addon/chat-types@1.0.0",
        "semantest:addon/kv-types@1.0.0",
        "semantest:addon/host@1.0.0",
        "semantest:addon/log@1.0.0",
        "semantest:addon/config@1.0.0",
        "semantest:addon/progress@1.0.0",
        "wasi:io/streams@0.2.0",
        "wasi:clocks/wall-clock@0.2.3",
        "wasi:random/random@0.2.9",
        "wasi:cli/environment@0.2.12",
        "wasi:filesystem/preopens@0.2.12",
        "wasi:sockets/tcp@0.2.99",
    ] {
        let read = inspected(&packed(&callable(name), &plain_manifest())?);
        assert!(read.as_ref().is_ok_and(|read| read.imports[0].capability.is_none()), "{name}: {read:?}");
    }
    Ok(())
}

#[test]
fn a_door_that_the_manifest_does_not_declare_is_named_with_its_capability() -> Result<()> {
    let refusal = refusal(&packed(&callable("semantest:addon/kv@1.0.0"), &plain_manifest())?)?;
    assert_eq!(refusal.code(), JobCode::ImportNotDeclared);
    assert_eq!(
        refusal.to_string(),
        "imports that the manifest does not declare: `semantest:addon/kv@1.0.0` needs the capability `kv`"
    );
    let details = serde_json::json!({ "imports": [{ "name": "semantest:addon/kv@1.0.0", "capability": "kv" }] });
    assert_eq!(refusal.details(), details);
    Ok(())
}

#[test]
fn a_declared_door_is_open_and_counted_as_used() -> Result<()> {
    let read = inspected(&packed(&callable("semantest:addon/kv@1.0.0"), &asking_for(&["kv"]))?)?;
    assert_eq!(read.capabilities, [CapabilityKind::Kv]);
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    Ok(())
}

#[test]
fn requests_are_a_declared_door_with_the_types_that_it_takes() -> Result<()> {
    for name in ["wasi:http/outgoing-handler@0.2.0", "wasi:http/types@0.2.12"] {
        let read = inspected(&packed(&callable(name), &asking_for(&["http"]))?)?;
        assert_eq!(read.capabilities, [CapabilityKind::Http], "{name}");
        let refusal = refusal(&packed(&callable(name), &plain_manifest())?)?;
        assert_eq!(refusal.code(), JobCode::ImportNotDeclared, "{name}");
    }
    Ok(())
}

#[test]
fn what_is_declared_and_not_imported_is_a_warning() -> Result<()> {
    let read = inspected(&packed(ACTIONS, &asking_for(&["kv"]))?)?;
    assert_eq!(read.unused_capabilities, [CapabilityKind::Kv]);
    assert!(read.warnings[0].contains("`kv` is declared and not used"), "{:?}", read.warnings);
    Ok(())
}

#[test]
fn forbidden_imports_say_why() -> Result<()> {
    for (name, why) in [
        ("wasi:http/outgoing-handler@0.3.0", "only wasi:http 0.2 is known here"),
        ("wasi:http/incoming-handler@0.2.0", "not among the WASI interfaces that addons get"),
        ("wasi:keyvalue/store@0.2.0-draft", "not among the WASI interfaces that addons get"),
        ("wasi:cli/environment@0.3.0", "not among the WASI interfaces that addons get"),
        ("wasi:clocks/time-machine@0.2.0", "not among the WASI interfaces that addons get"),
        ("semantest:addon/root-shell@1.0.0", "the contract has no such interface"),
        ("acme:tools/hammer@1.0.0", "no host function has this name"),
        ("acme:tools/hammer", "no host function has this name"),
    ] {
        let everything = ["kv", "http", "secrets", "secrets-reveal", "images", "events", "jobs", "kv-shared"];
        let refusal = refusal(&packed(&callable(name), &asking_for(&everything))?)?;
        assert_eq!(refusal.code(), JobCode::ImportForbidden, "{name}");
        assert!(refusal.to_string().contains(&format!("`{name}`")), "{refusal}");
        assert!(refusal.to_string().contains(why), "{refusal}");
    }
    Ok(())
}

#[test]
fn only_interfaces_of_packages_can_be_imported() -> Result<()> {
    for import in [
        r#"(import "run" (func))"#,
        r#"(import "module" (core module))"#,
        r#"(import "part" (component))"#,
        r#"(import "plain" (instance (export "go" (func))))"#,
    ] {
        let refusal = refusal(&packed(&format!("{import} {ACTIONS}"), &plain_manifest())?)?;
        assert_eq!(refusal.code(), JobCode::ImportForbidden, "{import}");
    }
    Ok(())
}

#[test]
fn an_interface_imported_for_its_types_needs_no_capability() -> Result<()> {
    for name in ["semantest:addon/kv@1.0.0", "semantest:addon/secrets@1.0.0", "acme:tools/hammer@1.0.0"] {
        let read = inspected(&packed(&types_only(name), &plain_manifest())?);
        assert!(read.is_ok_and(|read| read.imports[0].is_types_only), "{name}");
    }
    assert!(inspected(&packed(&handles_only("semantest:addon/kv@1.0.0"), &plain_manifest())?).is_ok());
    let unlinked = refusal(&packed(&handles_only("semantest:addon/secrets@1.0.0"), &plain_manifest())?)?;
    assert_eq!(unlinked.code(), JobCode::ImportNotDeclared, "its handles are linked with it alone");
    for kind in ["secrets", "secrets-reveal"] {
        let read = inspected(&packed(&handles_only("semantest:addon/secrets@1.0.0"), &asking_for(&[kind]))?);
        assert!(read.is_ok(), "{kind}");
    }
    Ok(())
}

#[test]
fn a_component_for_another_contract_is_told_so_and_not_that_its_imports_are_unknown() -> Result<()> {
    for version in ["9.0.0", "2.0.0", "1.1.0", "0.9.0", "1.0.0-rc.1"] {
        let name = format!("semantest:addon/kv@{version}");
        let refusal = refusal(&packed(&callable(&name), &asking_for(&["kv"]))?)?;
        assert_eq!(refusal.code(), JobCode::ContractUnsupported, "{version}");
        assert!(refusal.to_string().contains(version), "{refusal}");
    }
    assert!(inspected(&packed(&callable("semantest:addon/kv@1.0.9"), &asking_for(&["kv"]))?).is_ok());
    Ok(())
}

#[test]
fn an_author_is_told_everything_at_once() -> Result<()> {
    let text = r#"
        (import "semantest:addon/kv@1.0.0" (instance (export "go" (func))))
        (import "acme:tools/hammer@1.0.0" (instance (export "go" (func))))
    "#;
    let expected = [JobCode::ImportForbidden, JobCode::ImportNotDeclared, JobCode::ExportMissing];
    assert_eq!(codes(&packed(text, &plain_manifest())?), expected);
    Ok(())
}
