//! Worlds made from manifests, and components that import all of such a world, as some toolchains make them.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use semantest::cli::addon::world::{self, Optional};
use semantest::host::inspect::{InspectError, InspectLimits, examine};
use semantest::host::section;
use semantest::model::capability::CapabilityKind;
use semantest::model::code::JobCode;
use semantest::model::manifest::Manifest;
use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, PackageId, Resolve, WorldId};

/// A capability as a manifest asks for it.
fn asking(kind: CapabilityKind) -> Value {
    match kind {
        CapabilityKind::Http => {
            json!({ "kind": kind, "reason": "asks a server", "hosts": ["https://api.example.com"] })
        }
        _ => json!({ "kind": kind, "reason": "needs it" }),
    }
}

fn manifest(kinds: &[CapabilityKind], parts: &Value) -> Result<Manifest> {
    let mut manifest = json!({
        "id": "acme.world", "version": "1.0.0", "name": "World", "description": "An addon of a test.",
        "capabilities": kinds.iter().copied().map(asking).collect::<Vec<_>>(),
    });
    let all = manifest.as_object_mut().context("an object")?;
    all.extend(parts.as_object().context("an object")?.clone());
    Ok(Manifest::from_value(manifest)?)
}

/// The world of a manifest, written into a folder and read back as toolchains read it.
fn tailored(manifest: &Manifest, optional: &[Optional]) -> Result<(Resolve, WorldId)> {
    let folder = tempfile::tempdir()?;
    world::write(folder.path(), manifest, optional)?;
    let mut resolve = Resolve::default();
    let (package, _): (PackageId, _) = resolve.push_dir(folder.path())?;
    let world = resolve.select_world(&[package], Some("addon"))?;
    Ok((resolve, world))
}

/// A component that imports and exports everything that is in the world.
fn greedy(resolve: &Resolve, world: WorldId) -> Result<Vec<u8>> {
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}

fn imports(resolve: &Resolve, world: WorldId) -> BTreeSet<String> {
    resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect()
}

/// Every set of capabilities that has an interface.
fn every_set() -> impl Iterator<Item = Vec<CapabilityKind>> {
    let kinds: Vec<CapabilityKind> =
        CapabilityKind::ALL.into_iter().filter(|kind| kind.interface().is_some()).collect();
    (0..1_u32 << kinds.len()).map(move |set| {
        kinds.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1).map(|(_, kind)| *kind).collect()
    })
}

#[test]
fn a_world_imports_the_baseline_and_what_is_declared() -> Result<()> {
    let action = json!({ "actions": [{ "name": "run" }] });
    let (resolve, world) = tailored(&manifest(&[], &action)?, &[])?;
    let baseline = imports(&resolve, world);
    assert_eq!(baseline.len(), 9, "{baseline:?}");
    for kinds in every_set() {
        let (resolve, world) = tailored(&manifest(&kinds, &action)?, &[])?;
        let opened: BTreeSet<String> = imports(&resolve, world)
            .difference(&baseline)
            .filter_map(|name| name.split('@').next().map(str::to_owned))
            // What an interface takes its types from comes with it.
            .filter(|name| !name.starts_with("wasi:") || name == "wasi:http/outgoing-handler")
            .collect();
        let mut expected: BTreeSet<String> =
            kinds.iter().filter_map(|kind| kind.interface()).map(str::to_owned).collect();
        if kinds.contains(&CapabilityKind::SecretsReveal) {
            expected.insert(String::from("semantest:addon/secrets"));
        }
        assert_eq!(opened, expected, "{kinds:?}");
    }
    Ok(())
}

#[test]
fn a_component_that_imports_all_of_its_world_is_taken() -> Result<()> {
    let action = json!({ "actions": [{ "name": "run" }] });
    for kinds in every_set() {
        let whole = manifest(&kinds, &action)?;
        let (resolve, world) = tailored(&whole, &[])?;
        let component = greedy(&resolve, world)?;
        let inspection = examine(&section::embed(&component, &whole)?, &InspectLimits::default())
            .map_err(|faults| anyhow::anyhow!("{kinds:?}: {}", texts(&faults)))?;
        assert_eq!(inspection.capabilities, kinds);
        assert!(inspection.unused_capabilities.is_empty(), "{inspection:?}");
    }
    Ok(())
}

#[test]
fn an_import_that_the_manifest_no_longer_declares_is_refused_by_name() -> Result<()> {
    let action = json!({ "actions": [{ "name": "run" }] });
    for kind in CapabilityKind::ALL.into_iter().filter(|kind| kind.interface().is_some()) {
        let (resolve, world) = tailored(&manifest(&[kind], &action)?, &[])?;
        let component = greedy(&resolve, world)?;
        let silent = section::embed(&component, &manifest(&[], &action)?)?;
        let faults = examine(&silent, &InspectLimits::default()).err().context("it was taken")?;
        let name = kind.interface().context("an interface")?;
        assert!(texts(&faults).contains(&format!("`{name}@")), "{name}: {}", texts(&faults));
        let codes = faults.iter().map(InspectError::code).collect::<Vec<_>>();
        assert_eq!(codes, [JobCode::ImportNotDeclared], "{name}");
    }
    Ok(())
}

#[test]
fn a_world_exports_what_the_manifest_promises() -> Result<()> {
    let parts = json!({
        "actions": [{ "name": "run" }],
        "hooks": [{ "point": "before-image" }, { "point": "after-image" }, { "point": "before-prompt" }, { "point": "after-reply" }],
        "schedules": [{ "name": "morning", "cron": "0 7 * * *" }],
        "events": { "handles": ["job.completed"] },
        "provider": { "sizes": ["64x64"] },
    });
    let whole = manifest(&[CapabilityKind::Schedule], &parts)?;
    let optional = [Optional::Lifecycle, Optional::ConfigHandler, Optional::Migration];
    let (resolve, world) = tailored(&whole, &optional)?;
    assert_eq!(resolve.worlds[world].exports.len(), 11);
    let inspection = examine(&section::embed(&greedy(&resolve, world)?, &whole)?, &InspectLimits::default());
    let inspection = inspection.map_err(|faults| anyhow::anyhow!("{}", texts(&faults)))?;
    for export in whole.promised_exports() {
        assert!(inspection.exports_interface(export), "{export}");
    }
    Ok(())
}

fn texts(faults: &[InspectError]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
