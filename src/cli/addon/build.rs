//! `semantest addon build`: from a folder with `Cargo.toml` and `addon.toml` to a component.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use crate::cli::addon::{manifest_file, pack};

/// The target of guests: no operating system, so no import that the addon did not write.
const TARGET: &str = "wasm32-unknown-unknown";

/// Compile a Rust addon, make a component of it and embed its manifest.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The addon's folder, with Cargo.toml and addon.toml in it.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Where the component goes; by default `<addon id>.wasm` in the current folder.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// Builds one addon.
///
/// # Errors
/// What cannot be compiled, read or written, and a manifest with faults.
pub fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    let folder = args.folder.canonicalize().with_context(|| format!("looking for {}", args.folder.display()))?;
    let manifest_path = folder.join("addon.toml");
    // Before the compiler runs: a typing error should not cost a build.
    let manifest = manifest_file::read(&manifest_path).with_context(|| format!("in {}", manifest_path.display()))?;
    if !folder.join("Cargo.toml").is_file() {
        bail!(
            "{} has no Cargo.toml; for other languages run `semantest addon world --manifest addon.toml -o wit`, build a \
             component against that world with their own tools, then run \
             `semantest addon pack COMPONENT --manifest addon.toml -o OUT.wasm`",
            folder.display()
        );
    }
    let binary = compile(&folder)?;
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.wasm", manifest.id)));
    let bytes = std::fs::read(&binary).with_context(|| format!("reading {}", binary.display()))?;
    pack::finish(bytes, &manifest, &output)
}

/// Runs cargo and answers where it wrote the library.
fn compile(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut command = cargo(folder);
    command
        .args(["build", "--release", "--message-format=json-render-diagnostics"])
        .current_dir(folder)
        .stdout(Stdio::piped());
    let output = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("running {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("cargo failed; if it found no `core` or `std`: rustup target add {TARGET}");
    }
    let cargo_toml = folder.join("Cargo.toml");
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| artifact(&message, &cargo_toml))
        .with_context(|| format!("cargo wrote no .wasm; {} needs `crate-type = [\"cdylib\"]`", cargo_toml.display()))
}

/// The .wasm file of a `compiler-artifact` message, when it is about the addon itself.
fn artifact(message: &Value, cargo_toml: &Path) -> Option<PathBuf> {
    let is_ours = message.get("manifest_path").and_then(Value::as_str).map(Path::new) == Some(cargo_toml);
    let files = message.get("filenames").and_then(Value::as_array).filter(|_| is_ours)?;
    files
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

/// The project's own cargo for guests, where the addon stands in a project that has one; else plain cargo.
fn cargo(folder: &Path) -> Command {
    let wrapper = std::env::var_os("SEMANTEST_GUEST_CARGO").map(PathBuf::from).or_else(|| {
        folder.ancestors().map(|ancestor| ancestor.join("scripts/guest-cargo")).find(|script| script.is_file())
    });
    match wrapper {
        Some(wrapper) => Command::new(wrapper),
        None => {
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.env("CARGO_BUILD_TARGET", TARGET);
            command
        }
    }
}
