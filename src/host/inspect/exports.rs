//! What a component exports, and whether that is what its manifest promises.

use semver::Version;
use serde::Serialize;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::TypesRef;
use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::host::inspect::error::{InspectError, MissingExport};
use crate::host::inspect::names::InterfaceName;
use crate::model::contract::CONTRACT_PACKAGE;
use crate::model::manifest::Manifest;

/// One export of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedInterface {
    /// Its full name, such as `semantest:addon/actions@1.0.0`.
    pub name: String,
    /// The contract's interface, such as `actions`; none for an export outside the contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    #[serde(skip)]
    pub(super) contract: Option<Version>,
    #[serde(skip)]
    functions: Vec<String>,
}

/// One interface that the host may call.
struct Callback {
    interface: &'static str,
    functions: &'static [&'static str],
}

const CALLBACKS: [Callback; 11] = [
    Callback { interface: "lifecycle", functions: &["activate", "deactivate"] },
    Callback { interface: "config-handler", functions: &["reconfigure"] },
    Callback { interface: "migration", functions: &["migrate"] },
    Callback { interface: "actions", functions: &["invoke"] },
    Callback { interface: "before-prompt", functions: &["run"] },
    Callback { interface: "after-reply", functions: &["run"] },
    Callback { interface: "before-image", functions: &["run"] },
    Callback { interface: "after-image", functions: &["run"] },
    Callback { interface: "event-handler", functions: &["handle"] },
    Callback { interface: "schedule-handler", functions: &["tick"] },
    Callback { interface: "image-provider", functions: &["generate"] },
];

/// Reads the outermost component's exports.
pub(super) fn read(bytes: &[u8], types: TypesRef<'_>) -> Result<Vec<ExportedInterface>, BinaryReaderError> {
    let mut exports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(describe(export?.name.name, types));
                }
            }
            _ => {}
        }
    }
    Ok(exports)
}

fn describe(name: &str, types: TypesRef<'_>) -> ExportedInterface {
    let parsed = InterfaceName::parse(name).filter(|name| name.package == CONTRACT_PACKAGE);
    let functions = match types.component_item_for_export(name).map(|item| item.ty) {
        Some(ComponentEntityType::Instance(id)) => types.get(id).map_or_else(Vec::new, |instance| {
            let is_function = |ty: &ComponentEntityType| matches!(ty, ComponentEntityType::Func(_));
            instance.exports.iter().filter(|(_, item)| is_function(&item.ty)).map(|(name, _)| name.clone()).collect()
        }),
        _ => Vec::new(),
    };
    ExportedInterface {
        name: name.to_owned(),
        interface: parsed.as_ref().map(|name| name.interface.to_owned()),
        contract: parsed.and_then(|name| name.version),
        functions,
    }
}

/// Every export that the manifest promises and the component lacks, and every one that is there in part.
pub(super) fn faults(exports: &[ExportedInterface], manifest: &Manifest) -> Option<InspectError> {
    let mut missing = Vec::new();
    for interface in manifest.promised_exports() {
        if !has(exports, interface) {
            missing.push(MissingExport { interface: interface.to_owned(), functions: Vec::new() });
        }
    }
    for export in exports {
        let Some(callback) = callback(export) else { continue };
        let lacking = |function: &&&str| !export.functions.iter().any(|name| name == **function);
        let functions: Vec<&'static str> = callback.functions.iter().filter(lacking).copied().collect();
        if !functions.is_empty() {
            missing.push(MissingExport { interface: callback.interface.to_owned(), functions });
        }
    }
    (!missing.is_empty()).then_some(InspectError::ExportMissing { exports: missing })
}

fn has(exports: &[ExportedInterface], interface: &str) -> bool {
    exports.iter().any(|export| export.interface.as_deref() == Some(interface))
}

fn callback(export: &ExportedInterface) -> Option<&'static Callback> {
    let interface = export.interface.as_deref()?;
    CALLBACKS.iter().find(|callback| callback.interface == interface)
}

/// Sentences about exports that nobody will call.
pub(super) fn warnings(exports: &[ExportedInterface], manifest: &Manifest) -> Vec<String> {
    /// Used when there, without a word in the manifest.
    const OPTIONAL: [&str; 3] = ["lifecycle", "config-handler", "migration"];
    let promised = manifest.promised_exports();
    exports
        .iter()
        .filter_map(|export| match (callback(export), export.interface.as_deref()) {
            (Some(callback), _)
                if !OPTIONAL.contains(&callback.interface) && !promised.contains(&callback.interface) =>
            {
                Some(format!("`{}` is exported, but nothing in the manifest uses it", callback.interface))
            }
            (Some(_), _) => None,
            (None, Some(interface)) => Some(format!("the contract knows no export `{interface}`; nobody will call it")),
            (None, None) => Some(format!("`{}` is exported, but no host calls it", export.name)),
        })
        .collect()
}
