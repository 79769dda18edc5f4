//! Guests that look for files, sockets, names, arguments and an environment. They are answered, and find nothing.

use super::cage::{Case, End, with_wasi};
use crate::host::guest::{DIGIT, Guest};

/// Answers the digit that `expression` leaves.
fn answering(before: &str, expression: &str) -> Guest {
    Guest::doing(&format!("{before} (i32.store8 (i32.const {DIGIT}) (i32.add (i32.const 48) {expression}))"))
}

/// `access-denied` in the error codes of `wasi:sockets/network`.
const ACCESS_DENIED: u8 = 1;

fn socket(interface: &str, function: &str) -> Guest {
    let guest = answering(
        "(call $create (i32.const 0) (i32.const 512))
         (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))",
        "(i32.load8_u (i32.const 516))",
    );
    with_wasi(guest, &format!("sockets/{interface}"), &[(function, "create", "(param i32 i32)")])
}

fn lookup() -> Guest {
    let guest = answering(
        "(i32.store (i32.const 600) (i32.const 0x6c61636f)) (i32.store8 (i32.const 604) (i32.const 108))
         (call $resolve (call $network) (i32.const 600) (i32.const 5) (i32.const 512))",
        // 1 where there is an error, whatever it is.
        "(i32.load8_u (i32.const 512))",
    );
    let guest = with_wasi(guest, "sockets/instance-network", &[("instance-network", "network", "(result i32)")]);
    with_wasi(guest, "sockets/ip-name-lookup", &[("resolve-addresses", "resolve", "(param i32 i32 i32 i32)")])
}

/// Opens a file in a folder whose handle it makes up.
fn opener() -> Guest {
    let guest = answering(
        "(call $folders (i32.const 512))
         (if (i32.load (i32.const 516)) (then (return (i32.const 2048))))
         (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 1) (i32.const 640))",
        "(i32.const 9)",
    );
    let guest = with_wasi(guest, "filesystem/preopens", &[("get-directories", "folders", "(param i32)")]);
    with_wasi(
        guest,
        "filesystem/types",
        &[("[method]descriptor.open-at", "open", "(param i32 i32 i32 i32 i32 i32 i32)")],
    )
}

pub(super) fn cases() -> Vec<Case> {
    let folders = with_wasi(
        answering("(call $folders (i32.const 512))", "(i32.load (i32.const 516))"),
        "filesystem/preopens",
        &[("get-directories", "folders", "(param i32)")],
    );
    let environment = with_wasi(
        answering("(call $environment (i32.const 512))", "(i32.load (i32.const 516))"),
        "cli/environment",
        &[("get-environment", "environment", "(param i32)")],
    );
    let arguments = with_wasi(
        answering("(call $arguments (i32.const 512))", "(i32.load (i32.const 516))"),
        "cli/environment",
        &[("get-arguments", "arguments", "(param i32)")],
    );
    vec![
        Case::new("looking for folders", folders, End::Answers(0)),
        Case::new("opening a file all the same", opener(), End::Trap("handle")),
        Case::new("looking for an environment", environment, End::Answers(0)),
        Case::new("looking for arguments", arguments, End::Answers(0)),
        Case::new(
            "opening a TCP socket",
            socket("tcp-create-socket", "create-tcp-socket"),
            End::Answers(ACCESS_DENIED),
        ),
        Case::new(
            "opening a UDP socket",
            socket("udp-create-socket", "create-udp-socket"),
            End::Answers(ACCESS_DENIED),
        ),
        Case::new("looking up a name", lookup(), End::Answers(1)),
    ]
}
