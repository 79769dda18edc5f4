//! The contract's own files, read by the parser that guests' toolchains use.

use std::path::Path;

use anyhow::{Context as _, Result};
use wit_parser::{Resolve, WorldItem};

fn contract() -> Result<(Resolve, wit_parser::PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("wit"))?;
    Ok((resolve, package))
}

#[test]
fn the_hosts_world_parses_together_with_the_vendored_wasi() -> Result<()> {
    let (resolve, package) = contract()?;
    let world = resolve.select_world(&[package], Some("imports"))?;
    let imports: Vec<String> = resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect();
    for name in ["semantest:addon/kv@1.0.0", "semantest:addon/log@1.0.0", "wasi:http/outgoing-handler@0.2.12"] {
        assert!(imports.iter().any(|import| import == name), "{name} is missing in {imports:?}");
    }
    Ok(())
}

#[test]
fn every_export_has_a_world_of_its_own() -> Result<()> {
    let (resolve, package) = contract()?;
    for name in [
        "lifecycle",
        "config-handler",
        "migration",
        "actions",
        "before-prompt",
        "after-reply",
        "before-image",
        "after-image",
        "event-handler",
        "schedule-handler",
        "image-provider",
    ] {
        let world = resolve.select_world(&[package], Some(&format!("with-{name}")))?;
        let exports = &resolve.worlds[world].exports;
        let (key, item) = exports.first().context("a world without an export")?;
        assert!(matches!(item, WorldItem::Interface { .. }));
        assert_eq!(resolve.name_world_key(key), format!("semantest:addon/{name}@1.0.0"));
        assert_eq!(exports.len(), 1);
    }
    Ok(())
}
