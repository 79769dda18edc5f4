//! `addon.toml`: the manifest as authors write it, with the files that it names put in their place.
//!
//! `readme`, `icon`, `config.schema` and the `params` and `result` of an action
//! may name files beside the manifest; a component carries their contents.

use std::path::{Component, Path};

use base64::Engine as _;
use serde_json::Value;

use crate::model::manifest::{Manifest, ManifestError, ManifestFault};

/// Reads the manifest at `path` and the files that it names.
///
/// # Errors
/// [`ManifestError`] with every fault that was found, missing files included.
pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| single(format!("cannot read {}: {error}", path.display())))?;
    let mut value: Value = toml::from_str(&text).map_err(|error| single(format!("is not TOML: {error}")))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let faults = inline(&mut value, folder);
    if faults.is_empty() { Manifest::from_value(value) } else { Err(ManifestError { faults }) }
}

fn single(message: String) -> ManifestError {
    ManifestError { faults: vec![ManifestFault::at("", message)] }
}

/// What the contents of a named file become.
#[derive(Clone, Copy)]
enum Form {
    Text,
    DataUrl,
    Schema,
}

fn inline(manifest: &mut Value, folder: &Path) -> Vec<ManifestFault> {
    let actions = manifest.get("actions").and_then(Value::as_array).map_or(0, Vec::len);
    let mut places = vec![
        (String::from("/readme"), Form::Text),
        (String::from("/icon"), Form::DataUrl),
        (String::from("/config/schema"), Form::Schema),
    ];
    for index in 0..actions {
        places.push((format!("/actions/{index}/params"), Form::Schema));
        places.push((format!("/actions/{index}/result"), Form::Schema));
    }
    let mut faults = Vec::new();
    for (pointer, form) in places {
        let Some(value) = manifest.pointer_mut(&pointer) else { continue };
        let Some(named) = value.as_str().filter(|text| !is_inline_already(text, form)) else { continue };
        match contents(folder, named, form) {
            Ok(contents) => *value = contents,
            Err(message) => faults.push(ManifestFault::at(pointer, message)),
        }
    }
    faults
}

/// A text of several lines is a readme and no file name; a `data:` URL is an icon already.
fn is_inline_already(text: &str, form: Form) -> bool {
    match form {
        Form::Text => text.contains('\n'),
        Form::DataUrl => text.starts_with("data:"),
        Form::Schema => false,
    }
}

fn contents(folder: &Path, named: &str, form: Form) -> Result<Value, String> {
    let relative = Path::new(named);
    // Packing a stranger's addon must not put this machine's files into it.
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("names `{named}`, which is outside the manifest's folder"));
    }
    let bytes = std::fs::read(folder.join(relative)).map_err(|error| format!("names the file `{named}`: {error}"))?;
    match form {
        Form::Text => text(bytes, named).map(Value::String),
        Form::DataUrl => data_url(&bytes, named).map(Value::String),
        Form::Schema => schema(&text(bytes, named)?, named),
    }
}

fn text(bytes: Vec<u8>, named: &str) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("names the file `{named}`, which is not UTF-8 text"))
}

fn schema(text: &str, named: &str) -> Result<Value, String> {
    if Path::new(named).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        toml::from_str(text).map_err(|error| format!("names the file `{named}`, which is not TOML: {error}"))
    } else {
        serde_json::from_str(text).map_err(|error| format!("names the file `{named}`, which is not JSON: {error}"))
    }
}

fn data_url(bytes: &[u8], named: &str) -> Result<String, String> {
    let media_type = match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return Err(format!("names the file `{named}`, which is no PNG, JPEG or WebP picture")),
    };
    Ok(format!("data:{media_type};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn folder(files: &[(&str, &[u8])]) -> std::io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        for (name, contents) in files {
            std::fs::write(folder.path().join(name), contents)?;
        }
        Ok(folder)
    }

    const HEAD: &str = "id = 'acme.probe'\nversion = '1.0.0'\nname = 'Probe'\ndescription = 'Tries things.'\n";

    #[test]
    fn named_files_are_put_in_their_place() -> Outcome {
        let manifest = format!(
            "{HEAD}readme = 'README.md'\nicon = 'icon.png'\n[config]\nschema = 'config.json'\n\
             [[actions]]\nname = 'try'\nparams = 'params.toml'\n"
        );
        let folder = folder(&[
            ("addon.toml", manifest.as_bytes()),
            ("README.md", b"# Probe"),
            ("icon.png", b"\x89PNG\r\n"),
            ("config.json", br#"{"type":"object"}"#),
            ("params.toml", b"type = 'object'\nrequired = ['a']\n"),
        ])?;
        let manifest = read(&folder.path().join("addon.toml"))?;
        assert_eq!(manifest.readme.as_deref(), Some("# Probe"));
        assert_eq!(manifest.icon.as_deref(), Some("data:image/png;base64,iVBORw0K"));
        assert_eq!(manifest.config_schema(), serde_json::json!({"type": "object"}));
        let params = manifest.action("try").and_then(|action| action.params.clone());
        assert_eq!(params, Some(serde_json::json!({"type": "object", "required": ["a"]})));
        Ok(())
    }

    #[test]
    fn every_file_that_cannot_be_inlined_is_named_at_once() -> Outcome {
        let manifest = format!(
            "{HEAD}readme = 'gone.md'\nicon = '../../etc/icon.png'\n[config]\nschema = '/etc/passwd'\n\
             [[actions]]\nname = 'try'\nresult = 'broken.json'\n"
        );
        let folder = folder(&[("addon.toml", manifest.as_bytes()), ("broken.json", b"{")])?;
        let error = read(&folder.path().join("addon.toml")).err().ok_or("it was read")?;
        let pointers: Vec<&str> = error.faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/readme", "/icon", "/config/schema", "/actions/0/result"], "{error}");
        Ok(())
    }
}
