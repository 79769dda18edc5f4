//! Components for tests: the addons of this repository, and odd ones made from text.

use bytes::Bytes;
use semantest::host::section;
use semantest::model::manifest::Manifest;
use serde_json::{Value, json};

use crate::host::guest::{Guest, component};

/// An addon that `make addons` built.
pub(crate) fn built(name: &str) -> Bytes {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| String::from("target"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join(format!("addons/{name}.wasm"));
    match std::fs::read(&path) {
        Ok(bytes) => bytes.into(),
        Err(error) => panic!("{}: {error}; `make addons` builds it", path.display()),
    }
}

/// The hook fixture under another name, with these hooks.
pub(crate) fn hooking(id: &str, hooks: &Value) -> Bytes {
    built_as("semantest.fixture-hooks", |manifest| {
        manifest["id"] = json!(id);
        manifest["hooks"] = hooks.clone();
    })
}

/// An in-tree addon with another manifest, which has to be a good one.
pub(crate) fn built_as(name: &str, change: impl FnOnce(&mut Value)) -> Bytes {
    let bytes = built(name);
    let mut manifest = serde_json::to_value(section::read(&bytes).expect("a manifest")).expect("JSON");
    change(&mut manifest);
    let manifest = Manifest::from_value(manifest).expect("a good manifest");
    section::embed(&bytes, &manifest).expect("a packed component").into()
}

/// The smallest manifest that has an action `run`.
pub(crate) fn manifest(id: &str) -> Value {
    json!({
        "id": id, "version": "1.0.0", "name": "Odd", "description": "An odd addon of a test.",
        "actions": [{ "name": "run" }],
    })
}

/// A guest with this manifest, which has to be a good one.
pub(crate) fn packed(guest: &Guest, manifest: &Value) -> Bytes {
    let manifest = Manifest::from_value(manifest.clone()).expect("a good manifest");
    section::embed(&guest.build().expect("a component"), &manifest).expect("a packed component").into()
}

/// A guest with whatever `manifest` is in the place of a manifest.
pub(crate) fn packed_badly(guest: &Guest, manifest: &Value) -> Bytes {
    with_section(&guest.build().expect("a component"), manifest.to_string().as_bytes())
}

/// A guest that has no export at all, packed with a manifest that promises one.
pub(crate) fn packed_without_exports(manifest: &Value) -> Bytes {
    let bare = component("(module)", "").expect("a component");
    with_section(&bare, manifest.to_string().as_bytes())
}

/// A component in text with a manifest.
pub(crate) fn from_text(text: &str, manifest: &Value) -> Bytes {
    with_section(&wat::parse_str(text).expect("WebAssembly text"), manifest.to_string().as_bytes())
}

/// Appends the custom section that holds a manifest, as any toolchain would.
pub(crate) fn with_section(component: &[u8], contents: &[u8]) -> Bytes {
    let name = b"semantest:manifest";
    let mut body = vec![u8::try_from(name.len()).expect("a short name")];
    body.extend_from_slice(name);
    body.extend_from_slice(contents);
    let mut whole = component.to_vec();
    whole.push(0);
    let mut left = body.len();
    while left >= 0x80 {
        whole.push(u8::try_from(left & 0x7f).expect("seven bits") | 0x80);
        left >>= 7;
    }
    whole.push(u8::try_from(left).expect("seven bits"));
    whole.extend_from_slice(&body);
    whole.into()
}
