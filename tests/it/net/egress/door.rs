//! There is one door: the WASI crate's own sender is not compiled, whatever another dependency might ask for.

use std::process::Command;

use anyhow::Result;

#[test]
fn the_wasi_crate_has_no_sender_of_its_own() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--locked", "--offline", "--edges", "normal,build"]);
    let output = cargo.args(["--invert", "wasmtime-wasi-http", "--depth", "0", "--format", "{p} [{f}]"]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("wasmtime-wasi-http v48."), "{said}");
    assert!(said.contains("[p2]"), "its features are `p2` alone: {said}");
    Ok(())
}
