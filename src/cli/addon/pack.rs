//! `semantest addon pack`: a manifest into a component, whatever toolchain made it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::cli::addon::{componentize, manifest_file, report};
use crate::host::inspect::{self, InspectLimits};
use crate::host::section;
use crate::model::manifest::Manifest;

/// Embed a manifest in what any toolchain made.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// A component, or a core module built with bindings of the contract.
    pub input: PathBuf,
    /// The manifest; files that it names are looked for beside it.
    #[arg(long, default_value = "addon.toml")]
    pub manifest: PathBuf,
    /// Where the packed component goes.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Packs one file.
///
/// # Errors
/// What cannot be read or written, and a manifest with faults.
pub fn run(args: &PackArgs) -> anyhow::Result<ExitCode> {
    let manifest = manifest_file::read(&args.manifest).with_context(|| format!("in {}", args.manifest.display()))?;
    let input = std::fs::read(&args.input).with_context(|| format!("reading {}", args.input.display()))?;
    finish(input, &manifest, &args.output)
}

/// Makes the component, embeds the manifest, looks at it as a server would, and only then writes it.
pub(super) fn finish(binary: Vec<u8>, manifest: &Manifest, output: &Path) -> anyhow::Result<ExitCode> {
    let component = componentize::component(binary)?;
    let packed = section::embed(&component, manifest)?;
    match inspect::examine(&packed, &InspectLimits::default()) {
        Ok(inspection) => {
            write(output, &packed)?;
            report::accepted(&inspection, Some(output));
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            report::refused(&faults);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Writes beside the goal and renames, so that nobody reads half a component.
fn write(output: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut file = tempfile::Builder::new()
        .prefix(".addon-")
        .permissions(permissions())
        .tempfile_in(folder)
        .with_context(|| format!("writing into {}", folder.display()))?;
    file.write_all(bytes).with_context(|| format!("writing {}", output.display()))?;
    file.persist(output).with_context(|| format!("writing {}", output.display()))?;
    Ok(())
}

/// A component is published, so everybody may read it; temporary files are private otherwise.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}
