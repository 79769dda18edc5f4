//! The tools of a publisher: a key is made, a component is signed.

use std::os::unix::fs::PermissionsExt as _;

use semantest::model::signature::{SecretKey, SignedStatement};

use super::signing::{addon, statement};
use crate::support::program::Program;

#[tokio::test]
async fn a_key_is_made_once_and_what_it_signs_is_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Program::run(&["addon", "keygen", "-o", &path("key.pem")], &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mode = std::fs::metadata(path("key.pem")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner reads it");
    let pem = std::fs::read_to_string(path("key.pem")).expect("a file");
    let public = SecretKey::from_pem(&pem).expect("a key").public();
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(said.contains(&public.to_string()) && said.contains(public.id().as_str()), "{said}");
    let again = Program::run(&["addon", "keygen", "-o", &path("key.pem")], &[]);
    assert!(!again.status.success(), "a key that is there is never overwritten");
    assert_eq!(std::fs::read_to_string(path("key.pem")).expect("a file"), pem);

    let component = addon("acme.signed", "1.0.0");
    std::fs::write(path("addon.wasm"), &component).expect("a written file");
    let done = Program::run(&["addon", "sign", &path("addon.wasm"), "--key", &path("key.pem")], &[]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let printed = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    assert_eq!(std::fs::read_to_string(path("addon.wasm.sig")).expect("a file").trim(), printed);
    let signed = SignedStatement::parse(&printed).expect("a signature");
    assert_eq!(signed.verify(&public), Ok(()));
    assert_eq!(signed.statement, statement(&component, signed.statement.created));

    std::fs::write(path("addon.wasm"), b"no component").expect("a written file");
    let refused = Program::run(&["addon", "sign", &path("addon.wasm"), "--key", &path("key.pem")], &[]);
    assert!(!refused.status.success(), "what no server would take is not signed");
}
