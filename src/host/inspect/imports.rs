//! What a component imports, and whether its manifest may have it.

use semver::Version;
use serde::Serialize;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;
use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::host::inspect::error::{ForbiddenImport, InspectError, UndeclaredImport};
use crate::host::inspect::names::{self, InterfaceName};
use crate::model::capability::CapabilityKind;
use crate::model::contract::CONTRACT_PACKAGE;
use crate::model::manifest::Manifest;

/// One import of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedInterface {
    /// Its full name, such as `semantest:addon/kv@1.0.0`.
    pub name: String,
    /// The capability that opens it; none for the baseline and for what no capability opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<CapabilityKind>,
    /// Whether nothing in it can be called: then it needs no capability.
    pub is_types_only: bool,
    #[serde(skip)]
    pub(super) contract: Option<Version>,
    #[serde(skip)]
    verdict: Verdict,
}

/// What this host does with an import.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Baseline,
    Needs(CapabilityKind),
    Forbidden(String),
}

/// Reads the outermost component's imports.
pub(super) fn read(bytes: &[u8], types: TypesRef<'_>) -> Result<Vec<ImportedInterface>, BinaryReaderError> {
    let mut imports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import?.name.name;
                    imports.push(judge(name, Shape::of(name, types)));
                }
            }
            _ => {}
        }
    }
    Ok(imports)
}

/// What can be done with an import.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// An interface with functions to call.
    Callable,
    /// An interface that owns kinds of handles, and has no functions.
    Handles,
    /// Plain types.
    Types,
    /// Anything that is no interface and no type.
    Other,
}

impl Shape {
    fn of(name: &str, types: TypesRef<'_>) -> Self {
        match types.component_item_for_import(name).map(|item| item.ty) {
            Some(ComponentEntityType::Type { .. }) => Self::Types,
            Some(ComponentEntityType::Instance(id)) => {
                let Some(instance) = types.get(id) else { return Self::Other };
                let mut shape = Self::Types;
                for item in instance.exports.values() {
                    match item.ty {
                        ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(_), .. } => {
                            shape = Self::Handles;
                        }
                        ComponentEntityType::Type { .. } => {}
                        _ => return Self::Callable,
                    }
                }
                shape
            }
            _ => Self::Other,
        }
    }
}

fn judge(name: &str, shape: Shape) -> ImportedInterface {
    let parsed = InterfaceName::parse(name);
    let contract =
        parsed.as_ref().filter(|name| name.package == CONTRACT_PACKAGE).and_then(|name| name.version.clone());
    let verdict = match (&parsed, shape) {
        (_, Shape::Types) => Verdict::Baseline,
        (_, Shape::Other) | (None, _) => {
            Verdict::Forbidden(String::from("an addon imports interfaces of packages only"))
        }
        (Some(parsed), Shape::Callable | Shape::Handles) => verdict(parsed, shape),
    };
    ImportedInterface {
        name: name.to_owned(),
        capability: match &verdict {
            Verdict::Needs(kind) => Some(*kind),
            Verdict::Baseline | Verdict::Forbidden(_) => None,
        },
        is_types_only: matches!(shape, Shape::Types | Shape::Handles),
        contract,
        verdict,
    }
}

fn verdict(name: &InterfaceName<'_>, shape: Shape) -> Verdict {
    let is_contract = name.package == CONTRACT_PACKAGE;
    if names::is_wasi_baseline(name) || (is_contract && names::is_contract_baseline(name.interface)) {
        return Verdict::Baseline;
    }
    let bare = name.bare();
    let kind = CapabilityKind::ALL
        .into_iter()
        .find(|kind| kind.interface() == Some(bare.as_str()))
        // The types of requests and answers come with the door that sends them.
        .or_else(|| (bare == "wasi:http/types").then_some(CapabilityKind::Http));
    match kind {
        Some(CapabilityKind::Http) if !names::is_wasi_0_2(name) => {
            Verdict::Forbidden(String::from("only wasi:http 0.2 is known here"))
        }
        // Its handles are linked with it alone; the others' stand in interfaces of types.
        Some(CapabilityKind::Secrets) => Verdict::Needs(CapabilityKind::Secrets),
        // The host gives out the handles that this names; holding one is not calling anything.
        Some(_) if shape == Shape::Handles => Verdict::Baseline,
        Some(kind) => Verdict::Needs(kind),
        None if is_contract => Verdict::Forbidden(String::from("the contract has no such interface")),
        None if name.package.starts_with("wasi:") => {
            Verdict::Forbidden(String::from("not among the WASI interfaces that addons get"))
        }
        None => Verdict::Forbidden(String::from("no host function has this name")),
    }
}

/// Every import that is forbidden, and every one that the manifest does not declare.
pub(super) fn faults(imports: &[ImportedInterface], manifest: &Manifest) -> Vec<InspectError> {
    let mut forbidden = Vec::new();
    let mut undeclared = Vec::new();
    for import in imports {
        match &import.verdict {
            Verdict::Baseline => {}
            Verdict::Forbidden(reason) => {
                forbidden.push(ForbiddenImport { name: import.name.clone(), reason: reason.clone() });
            }
            Verdict::Needs(capability) if is_declared(*capability, manifest) => {}
            Verdict::Needs(capability) => {
                undeclared.push(UndeclaredImport { name: import.name.clone(), capability: *capability });
            }
        }
    }
    let forbidden = (!forbidden.is_empty()).then_some(InspectError::ImportForbidden { imports: forbidden });
    let undeclared = (!undeclared.is_empty()).then_some(InspectError::ImportNotDeclared { imports: undeclared });
    forbidden.into_iter().chain(undeclared).collect()
}

fn is_declared(kind: CapabilityKind, manifest: &Manifest) -> bool {
    manifest.capabilities.iter().any(|capability| {
        capability.kind == kind || (kind == CapabilityKind::Secrets && capability.kind == CapabilityKind::SecretsReveal)
    })
}

/// The declared capabilities, parted into those that are used and those that are not.
pub(super) fn used(imports: &[ImportedInterface], manifest: &Manifest) -> (Vec<CapabilityKind>, Vec<CapabilityKind>) {
    let mut declared: Vec<CapabilityKind> = manifest.capabilities.iter().map(|capability| capability.kind).collect();
    declared.sort_unstable();
    declared.dedup();
    // Without it, the handles come with the right to look into them.
    let declares_secrets = declared.contains(&CapabilityKind::Secrets);
    declared.into_iter().partition(|kind| match kind.interface() {
        Some(_) => imports.iter().any(|import| {
            let holds_handles = *kind == CapabilityKind::SecretsReveal && !declares_secrets;
            import.capability == Some(*kind) || (holds_handles && import.capability == Some(CapabilityKind::Secrets))
        }),
        None => !manifest.schedules.is_empty(),
    })
}

/// A sentence for each capability that is asked for and not used.
pub(super) fn warnings(unused: &[CapabilityKind]) -> Vec<String> {
    unused
        .iter()
        .map(|kind| format!("the capability `{}` is declared and not used; it will not be granted", kind.as_str()))
        .collect()
}
