//! Reads a component without running any of it, and says whether this host would.
//!
//! First what the file is and how much is in it, then whether it validates with
//! exactly the proposals that the engine runs, then whether manifest, imports
//! and exports agree. The first four faults end the reading; what comes after
//! them is all found at once, so that an author repairs it in one go.
//!
//! Reading 48 MiB takes most of a second: call it where blocking is allowed.

mod counts;
mod error;
mod exports;
mod imports;
pub(super) mod kind;
mod names;
mod schedules;

use std::collections::BTreeSet;

use serde::Serialize;
use wasmparser::{BinaryReaderError, Validator, WasmFeatures};

use crate::host::section::{self, SectionError};
use crate::model::capability::CapabilityKind;
use crate::model::contract::ContractRange;
use crate::model::digest::Digest;
use crate::model::manifest::{Manifest, ManifestError, ManifestFault};

pub use counts::{Counts, InspectLimits, SizeProfile};
pub use error::{ForbiddenImport, InspectError, MissingExport, UndeclaredImport};
pub use exports::ExportedInterface;
pub use imports::ImportedInterface;
pub use kind::BinaryKind;

/// What a component that passed says about itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its name.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    /// The contract versions it works with.
    pub contract: ContractRange,
    /// What it imports.
    pub imports: Vec<ImportedInterface>,
    /// What it exports, things outside the contract included.
    pub exports: Vec<ExportedInterface>,
    /// Capabilities that are declared and used.
    pub capabilities: Vec<CapabilityKind>,
    /// Capabilities that are declared and not imported; they are not granted.
    pub unused_capabilities: Vec<CapabilityKind>,
    /// What is odd and no reason to refuse it.
    pub warnings: Vec<String>,
    /// How much is in it.
    pub counts: Counts,
}

impl Inspection {
    /// Whether the component exports the contract's interface called `interface`, such as `actions`.
    #[must_use]
    pub fn exports_interface(&self, interface: &str) -> bool {
        self.exports.iter().any(|export| export.interface.as_deref() == Some(interface))
    }
}

/// The proposals that the engine runs; `host/engine.rs` refuses the same ones.
///
/// Beyond WebAssembly 2.0 only extended constants, and multi-memory, which the
/// adapters between composed components need.
#[must_use]
pub fn features() -> WasmFeatures {
    WasmFeatures::WASM2
        .union(WasmFeatures::EXTENDED_CONST)
        .union(WasmFeatures::MULTI_MEMORY)
        .union(WasmFeatures::COMPONENT_MODEL)
        .difference(WasmFeatures::GC_TYPES)
}

/// Reads a component and refuses it for its first fault.
///
/// # Errors
/// [`InspectError`] with a stable code.
pub fn inspect(bytes: &[u8], limits: &InspectLimits) -> Result<Inspection, InspectError> {
    examine(bytes, limits).map_err(|mut faults| faults.swap_remove(0))
}

/// Reads a component and finds every fault that can be found, for authors.
///
/// # Errors
/// At least one [`InspectError`], in the order in which a load job meets them.
pub fn examine(bytes: &[u8], limits: &InspectLimits) -> Result<Inspection, Vec<InspectError>> {
    let (counts, imports, exports) = read_binary(bytes, limits).map_err(|error| vec![error])?;
    let manifest = section::read(bytes).map_err(|error| vec![error.into()])?;

    let mut faults = Vec::new();
    let contract = contract(&manifest, &imports, &exports, &mut faults);
    faults.extend(imports::faults(&imports, &manifest));
    faults.extend(exports::faults(&exports, &manifest));
    faults.extend(schedules::faults(&manifest, limits));
    let Some(contract) = contract.filter(|_| faults.is_empty()) else { return Err(faults) };

    let (capabilities, unused_capabilities) = imports::used(&imports, &manifest);
    let mut warnings = imports::warnings(&unused_capabilities);
    warnings.extend(exports::warnings(&exports, &manifest));
    Ok(Inspection {
        digest: Digest::of(bytes),
        size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        manifest,
        contract,
        imports,
        exports,
        capabilities,
        unused_capabilities,
        warnings,
        counts,
    })
}

type BinaryFacts = (Counts, Vec<ImportedInterface>, Vec<ExportedInterface>);

/// What the bytes alone say, without the manifest: also what `addon pack` prints.
fn read_binary(bytes: &[u8], limits: &InspectLimits) -> Result<BinaryFacts, InspectError> {
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let limit = limits.max_bytes.as_u64();
    if found > limit {
        return Err(InspectError::TooLarge { what: "bytes of the file", found, limit });
    }
    match BinaryKind::of(bytes) {
        BinaryKind::Component => {}
        found => return Err(InspectError::NotAComponent { found }),
    }
    let counts = Counts::of(bytes, limits)?;
    let types = Validator::new_with_features(features()).validate_all(bytes).map_err(invalid)?;
    let imports = imports::read(bytes, types.as_ref()).map_err(invalid)?;
    let exports = exports::read(bytes, types.as_ref()).map_err(invalid)?;
    Ok((counts, imports, exports))
}

/// The contract range, unless some import, export or the manifest needs another contract.
fn contract(
    manifest: &Manifest,
    imports: &[ImportedInterface],
    exports: &[ExportedInterface],
    faults: &mut Vec<InspectError>,
) -> Option<ContractRange> {
    let built_against: BTreeSet<(&semver::Version, &str)> = imports
        .iter()
        .filter_map(|import| Some((import.contract.as_ref()?, import.name.as_str())))
        .chain(exports.iter().filter_map(|export| Some((export.contract.as_ref()?, export.name.as_str()))))
        .collect();
    for (version, name) in &built_against {
        if !version.pre.is_empty() || !ContractRange::built_against(version).accepts_host() {
            faults
                .push(InspectError::ContractUnsupported { subject: format!("`{name}`"), wanted: version.to_string() });
            return None;
        }
    }
    let declared = manifest.contract.as_deref().and_then(|text| ContractRange::parse(text).ok());
    if let Some(range) = declared.as_ref().filter(|range| !range.accepts_host()) {
        faults.push(InspectError::ContractUnsupported {
            subject: String::from("the manifest"),
            wanted: range.to_string(),
        });
        return None;
    }
    let newest = built_against.last().map(|(version, _)| ContractRange::built_against(version));
    declared.or(newest).or_else(|| Some(ContractRange::built_against(&crate::model::contract::HOST_CONTRACT)))
}

fn invalid(error: BinaryReaderError) -> InspectError {
    InspectError::Invalid { offset: error.offset(), reason: error.message().to_owned(), source: error }
}

impl From<SectionError> for InspectError {
    fn from(error: SectionError) -> Self {
        match error {
            SectionError::NotAComponent { found } => Self::NotAComponent { found },
            SectionError::Malformed(error) => invalid(error),
            SectionError::Missing => Self::ManifestMissing,
            SectionError::Invalid(error) => Self::ManifestInvalid(error),
            SectionError::Write(error) => {
                Self::ManifestInvalid(ManifestError { faults: vec![ManifestFault::at("", error.to_string())] })
            }
        }
    }
}
