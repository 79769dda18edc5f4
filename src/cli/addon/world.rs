//! `semantest addon world`: the world of one addon, made from its manifest.
//!
//! Rust's tools drop what an addon does not use. Those of other languages import a whole world, used or not, and
//! what is imported has to be declared: so an addon is built against a world that holds the baseline, what its
//! manifest declares, and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::cli::addon::{contract_files, manifest_file};
use crate::cli::say;
use crate::model::capability::CapabilityKind;
use crate::model::contract::{CONTRACT_PACKAGE, HOST_CONTRACT};
use crate::model::manifest::Manifest;

/// What the world is called, for `-w` and `world:` of toolchains.
const NAME: &str = "addon";
/// The version of the WASI that is vendored under `wit/deps`.
const WASI_VERSION: &str = "0.2.12";

/// Write the world of an addon, with the contract beside it, for toolchains of other languages than Rust.
#[derive(Debug, Args)]
pub struct WorldArgs {
    /// The manifest; files that it names are looked for beside it.
    #[arg(long, default_value = "addon.toml")]
    pub manifest: PathBuf,
    /// The folder to write; made where it is missing, and emptied of an earlier world.
    #[arg(short, long, default_value = "wit")]
    pub output: PathBuf,
    /// An export that no manifest declares; may stand several times.
    #[arg(long = "export", value_enum)]
    pub exports: Vec<Optional>,
}

/// Exports that are used when they are there, and not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Optional {
    /// Told when it is switched on and off.
    Lifecycle,
    /// Asked before settings change.
    ConfigHandler,
    /// Called before calls move to a new version.
    Migration,
}

impl Optional {
    const fn interface(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::ConfigHandler => "config-handler",
            Self::Migration => "migration",
        }
    }
}

/// Writes the world.
///
/// # Errors
/// A manifest with faults, or a folder that cannot be written or holds something else.
pub fn run(args: &WorldArgs) -> anyhow::Result<ExitCode> {
    let manifest = manifest_file::read(&args.manifest).with_context(|| format!("in {}", args.manifest.display()))?;
    write(&args.output, &manifest, &args.exports)?;
    say::line(&format!(
        "{} {}: world `{NAME}` in {}\n  componentize-py -d {} -w {NAME} componentize app -o app.wasm\n  \
         semantest addon pack app.wasm --manifest {} -o {}.wasm",
        manifest.id,
        manifest.version,
        args.output.display(),
        args.output.display(),
        args.manifest.display(),
        manifest.id,
    ));
    Ok(ExitCode::SUCCESS)
}

/// Writes the world of `manifest` and what it stands on into `folder`.
///
/// # Errors
/// What cannot be written, and a folder that holds a world of somebody else.
pub fn write(folder: &Path, manifest: &Manifest, optional: &[Optional]) -> anyhow::Result<()> {
    let world = folder.join("world.wit");
    let is_ours = |text: String| text.starts_with(HEAD);
    if world.exists() && !std::fs::read_to_string(&world).is_ok_and(is_ours) {
        bail!("{} was not written by this command; name another folder (-o)", world.display());
    }
    let contract = folder.join("deps").join("semantest-addon");
    std::fs::create_dir_all(&contract).with_context(|| format!("creating {}", contract.display()))?;
    let wasi = contract_files::WASI.into_iter().map(|(name, text)| (folder.join("deps").join(name), text));
    let contract = contract_files::CONTRACT.into_iter().map(|(name, text)| (contract.join(name), text));
    for (path, text) in wasi.chain(contract) {
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    std::fs::write(&world, text(manifest, optional)).with_context(|| format!("writing {}", world.display()))
}

/// How a world of ours begins.
const HEAD: &str = "// Written by `semantest addon world`; the manifest decides what is in it.\n";

/// The world as WIT: the baseline, what the manifest declares, and what it promises.
#[must_use]
pub fn text(manifest: &Manifest, optional: &[Optional]) -> String {
    let imports: BTreeSet<String> = manifest.capabilities.iter().flat_map(|asked| interfaces(asked.kind)).collect();
    let exports: BTreeSet<&str> =
        manifest.promised_exports().into_iter().chain(optional.iter().map(|export| export.interface())).collect();
    let mut world = format!("{HEAD}package semantest:tailored;\n\nworld {NAME} {{\n");
    let _ = writeln!(world, "  include {CONTRACT_PACKAGE}/base@{HOST_CONTRACT};");
    for import in imports {
        let _ = writeln!(world, "  import {import};");
    }
    for export in exports {
        let _ = writeln!(world, "  export {CONTRACT_PACKAGE}/{export}@{HOST_CONTRACT};");
    }
    world.push_str("}\n");
    world
}

/// What a capability opens, with versions. Revealing a secret takes a handle of one.
fn interfaces(kind: CapabilityKind) -> impl Iterator<Item = String> {
    let implied = (kind == CapabilityKind::SecretsReveal).then_some(CapabilityKind::Secrets);
    std::iter::once(kind).chain(implied).filter_map(CapabilityKind::interface).map(|interface| {
        if interface.starts_with("wasi:") {
            format!("{interface}@{WASI_VERSION}")
        } else {
            format!("{interface}@{HOST_CONTRACT}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(value: serde_json::Value) -> Result<Manifest, crate::model::manifest::ManifestError> {
        let mut manifest = serde_json::json!({
            "id": "acme.7-art", "version": "1.0.0", "name": "Art", "description": "Art.", "actions": [{ "name": "draw" }],
        });
        if let (Some(all), serde_json::Value::Object(more)) = (manifest.as_object_mut(), value) {
            all.extend(more);
        }
        Manifest::from_value(manifest)
    }

    #[test]
    fn a_world_holds_what_the_manifest_says_and_no_more() -> Result<(), Box<dyn std::error::Error>> {
        let manifest = manifest(serde_json::json!({
            "capabilities": [
                { "kind": "secrets-reveal", "reason": "signs" },
                { "kind": "http", "reason": "asks", "hosts": ["https://a.example"] },
                { "kind": "schedule", "reason": "wakes" },
            ],
            "hooks": [{ "point": "before-image" }],
        }))?;
        let expected = "package semantest:tailored;\n\nworld addon {\n  include semantest:addon/base@1.0.0;\n  \
             import semantest:addon/secrets-reveal@1.0.0;\n  import semantest:addon/secrets@1.0.0;\n  \
             import wasi:http/outgoing-handler@0.2.12;\n  export semantest:addon/actions@1.0.0;\n  \
             export semantest:addon/before-image@1.0.0;\n  export semantest:addon/lifecycle@1.0.0;\n}\n";
        assert_eq!(text(&manifest, &[Optional::Lifecycle]), format!("{HEAD}{expected}"));
        Ok(())
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let manifest = manifest(serde_json::json!({}))?;
        write(folder.path(), &manifest, &[])?;
        write(folder.path(), &manifest, &[Optional::Migration])?;
        std::fs::write(folder.path().join("world.wit"), "package mine:own;")?;
        assert!(write(folder.path(), &manifest, &[]).is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join("world.wit"))?, "package mine:own;");
        Ok(())
    }
}
