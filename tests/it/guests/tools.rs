//! `semantest addon build`, `pack` and `check`, run as authors run them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::Result;
use semantest::host::section;
use serde_json::Value;
use tempfile::TempDir;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn addon(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_semantest"));
    Ok(command.arg("addon").args(arguments).current_dir(project()).output()?)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn packed(id: &str) -> PathBuf {
    project().join(format!("target/addons/{id}.wasm"))
}

#[test]
fn check_accepts_what_a_server_would_and_says_what_it_asks_for() -> Result<()> {
    let output = addon(&["check", text(&packed("semantest.notes"))])?;
    let said = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{said}");
    for words in [
        "semantest.notes 0.1.0",
        "digest        sha256:",
        "semantest:addon/kv@1.0.0",
        "capabilities  kv",
        "compiles in   ",
    ] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    Ok(())
}

#[test]
fn check_refuses_with_the_servers_code_and_exit_status_1() -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("module.wasm");
    std::fs::write(&file, wat::parse_str("(module)")?)?;
    let output = addon(&["check", text(&file)])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr)?.contains("NOT_A_COMPONENT"));

    let output = addon(&["check", "--json", text(&file)])?;
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((&told["ok"], &told["faults"][0]["code"]), (&Value::from(false), &Value::from("NOT_A_COMPONENT")));
    Ok(())
}

#[test]
fn check_as_json_holds_the_whole_inspection() -> Result<()> {
    let output = addon(&["check", "--json", text(&packed("semantest.palette"))])?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let inspection = &told["inspection"];
    assert_eq!(inspection["manifest"]["id"], "semantest.palette");
    assert_eq!(inspection["manifest"]["hooks"][0]["cpuMs"], 500);
    assert_eq!(inspection["exports"][0]["interface"], "after-image");
    Ok(())
}

#[test]
fn pack_puts_another_manifest_into_a_component() -> Result<()> {
    let folder = TempDir::new()?;
    let (manifest, output) = (folder.path().join("addon.toml"), folder.path().join("out.wasm"));
    let written = std::fs::read_to_string(project().join("addons/prompt-styles/addon.toml"))?
        .replace("0.1.0", "0.2.0")
        .replace("readme = \"README.md\"\n", "")
        .replace("schema = \"config.schema.json\"", "schema = { type = \"object\" }");
    std::fs::write(&manifest, written)?;
    let input = packed("semantest.prompt-styles");
    let run = addon(&["pack", text(&input), "--manifest", text(&manifest), "-o", text(&output)])?;
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(section::read(&std::fs::read(&output)?)?.version.to_string(), "0.2.0");
    Ok(())
}

#[test]
fn pack_writes_nothing_that_a_server_would_refuse() -> Result<()> {
    let folder = TempDir::new()?;
    let output = folder.path().join("out.wasm");
    // The palette exports no action and imports nothing that this manifest declares.
    let manifest = project().join("addons/notes/addon.toml");
    let input = packed("semantest.palette");
    let run = addon(&["pack", text(&input), "--manifest", text(&manifest), "-o", text(&output)])?;
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8(run.stderr)?;
    assert!(said.contains("EXPORT_MISSING") && said.contains("semantest:addon/actions"), "{said}");
    assert!(!output.exists());
    Ok(())
}

#[test]
fn build_compiles_componentizes_and_embeds() -> Result<()> {
    let folder = TempDir::new()?;
    let output = folder.path().join("built/notes.wasm");
    let run = addon(&["build", "addons/notes", "-o", text(&output)])?;
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let manifest = section::read(&std::fs::read(&output)?)?;
    assert_eq!(manifest.id.as_str(), "semantest.notes");
    assert!(manifest.readme.is_some_and(|readme| readme.starts_with("# Notes")), "the readme is not inlined");
    Ok(())
}

#[test]
fn build_says_what_is_wrong_with_a_manifest_before_it_compiles() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("addon.toml"), "id = \"Nope\"\nreadme = \"gone.md\"\n")?;
    let run = addon(&["build", text(folder.path())])?;
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8(run.stderr)?;
    assert!(said.contains("/readme names the file `gone.md`"), "{said}");
    Ok(())
}
