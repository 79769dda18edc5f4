//! The addons of this repository, as `scripts/build-addons` made them.

use anyhow::{Context as _, Result};
use semantest::host::inspect::Inspection;

use super::inspected;

fn read(id: &str) -> Result<Inspection> {
    let path = format!("{}/target/addons/{id}.wasm", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).with_context(|| format!("{path} is missing; run `make addons`"))?;
    Ok(inspected(&bytes)?)
}

#[test]
fn every_addon_of_this_repository_passes_without_a_warning() -> Result<()> {
    for (id, exports, doors) in [
        ("semantest.prompt-styles", &["before-image"][..], &[][..]),
        ("semantest.palette", &["after-image"], &[]),
        ("semantest.notes", &["actions", "before-prompt"], &["kv"]),
        ("semantest.fixture-misbehave", &["actions"], &["kv"]),
        (
            "semantest.fixture-hooks",
            &["lifecycle", "config-handler", "before-prompt", "after-reply", "before-image", "after-image"],
            &[],
        ),
        ("semantest.fixture-wasi-probe", &["actions"], &[]),
    ] {
        let read = read(id)?;
        assert_eq!(read.manifest.id.as_str(), id);
        assert!(read.warnings.is_empty(), "{id}: {:?}", read.warnings);
        assert_eq!(read.exports.len(), exports.len(), "{id}: {:?}", read.exports);
        assert!(exports.iter().all(|export| read.exports_interface(export)), "{id}: {:?}", read.exports);
        let used: Vec<&str> = read.capabilities.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(used, doors, "{id}");
    }
    Ok(())
}

#[test]
fn an_addon_imports_only_what_it_calls() -> Result<()> {
    for (id, allowed) in [
        ("semantest.prompt-styles", &["types", "image-types", "config", "log"][..]),
        ("semantest.palette", &["types", "image-types", "assets", "config", "log"]),
        ("semantest.notes", &["types", "assets", "chat-types", "kv", "kv-types", "log"]),
    ] {
        for import in read(id)?.imports {
            let is_allowed = allowed.iter().any(|name| import.name == format!("semantest:addon/{name}@1.0.0"));
            assert!(is_allowed, "{id} imports {}", import.name);
        }
    }
    Ok(())
}

#[test]
fn guests_stay_small() -> Result<()> {
    for (id, kibibytes) in [("semantest.prompt-styles", 160), ("semantest.notes", 180), ("semantest.palette", 260)] {
        let size = read(id)?.size_bytes;
        assert!(size <= kibibytes * 1024, "{id} is {size} bytes");
    }
    Ok(())
}
