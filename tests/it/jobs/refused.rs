//! Components that are refused: at the right step, with a stable code, and no version is left behind.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::host::guest::Guest;
use crate::support::components::{
    built, from_text, manifest, packed, packed_badly, packed_without_exports, with_section,
};
use crate::support::platform::Platform;
use crate::support::soon;
use crate::support::tenant::failed_step;

/// Uploads `component` and expects that its job fails at `step` with `code` and leaves no version.
async fn refused(platform: &Platform, component: Bytes, step: &str, code: &str) -> Value {
    let job = platform.publisher.publish(component).await.expect(200).json();
    assert_eq!(job["status"], "failed", "{step} {code}: {job}");
    assert_eq!(failed_step(&job), (step.to_owned(), code.to_owned()), "{job}");
    assert_eq!(job["error"]["code"], code, "{job}");
    assert!(job["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{job}");
    assert_eq!(job["attempts"]["made"], 1, "trying again would not help: {job}");
    let registry = platform.publisher.get("/api/v1/addons").await.expect(200).json();
    assert_eq!(registry["data"], json!([]), "{code} left a version");
    job
}

fn odd() -> Value {
    manifest("acme.odd")
}

#[tokio::test]
async fn what_is_no_component_is_refused_as_what_it_is() {
    let platform = Platform::start().await;
    let core = wat::parse_str("(module)").expect("WebAssembly text");
    refused(&platform, core.clone().into(), "manifest", "NOT_A_COMPONENT").await;
    refused(&platform, with_section(&core, odd().to_string().as_bytes()), "manifest", "NOT_A_COMPONENT").await;
    refused(&platform, Bytes::from_static(b"this is no WebAssembly"), "manifest", "NOT_A_COMPONENT").await;
    refused(&platform, Bytes::from_static(b"\x7fELF\x02\x01\x01"), "manifest", "NOT_A_COMPONENT").await;
    refused(&platform, Bytes::from_static(b"\0asm"), "manifest", "NOT_A_COMPONENT").await;
    platform.end().await;
}

#[tokio::test]
async fn a_component_that_is_cut_short_or_damaged_is_refused() {
    let platform = Platform::start().await;
    // The manifest stands at the end, so that a cut takes it with it.
    let whole = built("semantest.notes");
    refused(&platform, whole.slice(..whole.len() / 2), "manifest", "COMPONENT_INVALID").await;
    // Here it survives, and the code does not validate.
    let broken = from_text("(component (core module (func (result i32) i64.const 1)))", &odd());
    refused(&platform, broken, "inspect", "COMPONENT_INVALID").await;
    platform.end().await;
}

#[tokio::test]
async fn a_manifest_that_is_missing_or_wrong_is_refused() {
    let platform = Platform::start().await;
    let guest = Guest::doing("");
    refused(&platform, guest.build().expect("a component"), "manifest", "MANIFEST_MISSING").await;
    let mut wrong = odd();
    wrong["version"] = json!("one");
    wrong["colour"] = json!("red");
    refused(&platform, packed_badly(&guest, &wrong), "manifest", "MANIFEST_INVALID").await;
    refused(&platform, with_section(&guest.build().expect("a component"), b"{"), "manifest", "MANIFEST_INVALID").await;
    platform.end().await;
}

#[tokio::test]
async fn imports_are_known_and_declared_or_the_component_is_refused() {
    let platform = Platform::start().await;
    let mut unknown = Guest::doing("(drop (call $enter))");
    unknown.world = String::from("import backdoor: interface { enter: func() -> u32; }\n");
    unknown.parts = String::from("(import \"backdoor\" \"enter\" (func $enter (result i32)))");
    let job = refused(&platform, packed(&unknown, &odd()), "inspect", "IMPORT_FORBIDDEN").await;
    assert!(job["error"]["message"].as_str().is_some_and(|text| text.contains("`backdoor`")), "{job}");
    let undeclared = Guest::doing("").importing(
        "semantest:addon/kv@1.0.0",
        "semantest:addon/kv@1.0.0",
        &[("open", "open", "(param i32)")],
    );
    let undeclared = packed(&undeclared, &odd());
    let job = refused(&platform, undeclared, "inspect", "IMPORT_NOT_DECLARED").await;
    assert!(job["error"]["message"].as_str().is_some_and(|text| text.contains("`kv`")), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_promise_without_its_export_is_refused() {
    let platform = Platform::start().await;
    refused(&platform, packed_without_exports(&odd()), "inspect", "EXPORT_MISSING").await;
    let mut hooked = odd();
    hooked["hooks"] = json!([{"point": "before-image"}]);
    refused(&platform, packed(&Guest::doing(""), &hooked), "inspect", "EXPORT_MISSING").await;
    platform.end().await;
}

#[tokio::test]
async fn a_contract_of_another_age_is_refused() {
    let platform = Platform::start().await;
    let mut later = odd();
    later["contract"] = json!("9.0");
    refused(&platform, packed_badly(&Guest::doing(""), &later), "inspect", "CONTRACT_UNSUPPORTED").await;
    let imports = from_text(r#"(component (import "semantest:addon/log@9.0.0" (instance)))"#, &odd());
    refused(&platform, imports, "inspect", "CONTRACT_UNSUPPORTED").await;
    platform.end().await;
}

/// As much as is announced and sent.
const ANNOUNCED: usize = 200_000_000;

/// Uploads 200 MB and answers the status that came, and how much was taken before the server hung up.
async fn endless_upload(platform: &Platform, key: &str, framing: &str) -> (String, usize) {
    let address = platform.app.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/addons HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/wasm\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("a sent head");
    let (mut reading, mut writing) = stream.into_split();
    let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![0; 1 << 20], b"\r\n".to_vec()].concat();
    let sending = async {
        let mut sent = 0_usize;
        while sent < ANNOUNCED && writing.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    };
    let answering = async {
        let mut answer = vec![0; 1024];
        let length = reading.read(&mut answer).await.unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
    };
    tokio::join!(answering, sending)
}

#[tokio::test]
async fn an_upload_of_200_megabytes_is_refused_before_it_is_held() {
    let platform = Platform::start().await;
    let publisher = semantest::store::keys::NewKey {
        namespaces: vec![String::from("*")],
        ..crate::support::app::new_key("maker", &[semantest::store::keys::KeyScope::Publisher])
    };
    let key = platform.app.key(&publisher).await;
    let before = peak_memory();
    for framing in ["content-length: 200000000", "transfer-encoding: chunked"] {
        let (answer, sent) = soon("an answer", endless_upload(&platform, &key, framing)).await;
        assert!(answer.contains("413"), "{framing}: {answer} after {sent} bytes");
    }
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 150 << 20, "the process grew by {grown} bytes");
    assert_eq!(platform.components().len(), 0);
    platform.end().await;
}

/// The most memory that this process ever held, in bytes; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) * 1024
}
