//! Components that are refused before any of their code runs: by whoever reads them, or by the engine that would run them.

use anyhow::{Context as _, Result, ensure};
use semantest::host::inspect::{InspectLimits, inspect};
use semantest::host::{CompileError, Interface, InterfaceSet, section};
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;
use semantest::model::manifest::Manifest;
use serde_json::json;

use super::cage::with_ours;
use crate::host::guest::{Guest, Sandbox};

/// What stands in a component's text to export `actions`.
const ACTIONS: &str = r#"
    (core module $m (func (export "invoke")))
    (core instance $i (instantiate $m))
    (func $invoke (canon lift (core func $i "invoke")))
    (instance $actions (export "invoke" (func $invoke)))
    (export "semantest:addon/actions@1.0.0" (instance $actions))
"#;

/// Name, bytes, the code of the refusal, and a word of its text.
type Stranger = (&'static str, Vec<u8>, JobCode, &'static str);

/// What cannot be addons.
fn strangers() -> Result<Vec<Stranger>> {
    let text = |parts: &str| -> Result<Vec<u8>> {
        let component = wat::parse_str(format!("(component {parts} {ACTIONS})"))?;
        packed(&component)
    };
    let undeclared = with_ours(Guest::doing(""), "kv", &[("open", "open", "(param i32)")]);
    Ok(vec![
        ("a core module", wat::parse_str("(module)")?, JobCode::NotAComponent, "core WebAssembly module"),
        ("precompiled code", b"\x7fELF\x02\x01\x01\0\0\0\0\0".to_vec(), JobCode::NotAComponent, "machine code"),
        ("text", b"(component)".to_vec(), JobCode::NotAComponent, "text"),
        (
            "an import that nobody offers",
            text(r#"(import "wasi:keyvalue/store@0.2.0" (instance (export "open" (func))))"#)?,
            JobCode::ImportForbidden,
            "wasi:keyvalue",
        ),
        (
            "an import that leads out",
            text(r#"(import "wasi:http/incoming-handler@0.2.0" (instance (export "handle" (func))))"#)?,
            JobCode::ImportForbidden,
            "incoming-handler",
        ),
        ("a capability that is not declared", packed(&undeclared.build()?)?, JobCode::ImportNotDeclared, "kv"),
        (
            "too many memories",
            text(&format!("(core module {})", "(memory 1)".repeat(20)))?,
            JobCode::TooLarge,
            "memories",
        ),
        (
            "too many tables",
            text(&format!("(core module {})", "(table 1 funcref)".repeat(100)))?,
            JobCode::TooLarge,
            "tables",
        ),
        ("too many instances", text(&"(instance)".repeat(2000))?, JobCode::TooLarge, "instances"),
        ("too many modules", text(&"(core module)".repeat(100))?, JobCode::TooLarge, "core modules"),
        ("shared memory", text("(core module (memory 1 1 shared))")?, JobCode::ComponentInvalid, "thread"),
        ("memory of 64 bits", text("(core module (memory i64 1))")?, JobCode::ComponentInvalid, "memory64"),
        ("no manifest", Guest::doing("").build()?.to_vec(), JobCode::ManifestMissing, "manifest"),
    ])
}

fn packed(component: &[u8]) -> Result<Vec<u8>> {
    let manifest = json!({
        "id": "acme.odd", "version": "1.0.0", "name": "Odd", "description": "Odd.", "actions": [{ "name": "run" }],
    });
    Ok(section::embed(component, &Manifest::from_value(manifest)?)?)
}

/// The names of all of them.
pub(super) fn names() -> Vec<&'static str> {
    strangers().map(|strangers| strangers.into_iter().map(|(name, ..)| name).collect()).unwrap_or_default()
}

#[test]
fn what_cannot_be_an_addon_is_refused_before_it_runs() -> Result<()> {
    let strangers = strangers()?;
    assert!(strangers.len() >= 10);
    for (name, bytes, code, words) in strangers {
        let refusal = inspect(&bytes, &InspectLimits::default()).err().with_context(|| name)?;
        ensure!(refusal.code() == code, "{name}: {refusal}");
        ensure!(refusal.to_string().contains(words), "{name}: {refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn what_the_pool_has_no_room_for_is_refused_by_name_when_it_is_loaded() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let doors: InterfaceSet = Interface::ALL.into_iter().collect();
    let one = |inside: &str| format!("(core module $b {inside}) (core instance (instantiate $b))");
    let twice = |inside: &str| format!("{} (core instance (instantiate $b))", one(inside));
    for (parts, words) in [
        (one(&"(memory 1)".repeat(12)), "memories"),
        (twice(&"(memory 1)".repeat(6)), "memories"),
        (one(&"(table 1 funcref)".repeat(50)), "tables"),
        (twice(&"(table 1 funcref)".repeat(20)), "tables"),
        (format!("(core module $b) {}", "(core instance (instantiate $b))".repeat(100)), "instances"),
        (one("(memory 5000)"), "linear memory"),
        (one("(table 200000 funcref)"), "elements"),
    ] {
        let bytes = packed(&wat::parse_str(format!("(component {parts} {ACTIONS})"))?)?;
        ensure!(inspect(&bytes, &InspectLimits::default()).is_ok(), "{words}: the reader has no objection");
        let refusal = sandbox.host.compile(&Digest::of(&bytes), doors, bytes.into()).await.err();
        let refusal = refusal.with_context(|| format!("{words}: it was taken"))?;
        ensure!(matches!(refusal, CompileError::NoRoom(_)), "{words}: {refusal:?}");
        ensure!(refusal.code() == JobCode::TooLarge, "{words}: {}", refusal.code());
        ensure!(refusal.to_string().contains(words), "{refusal}");
    }
    Ok(())
}
