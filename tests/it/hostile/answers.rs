//! Guests whose answer is too much, or is none.

use semantest::model::limit::Limit;

use super::cage::{Case, End};
use crate::host::guest::Guest;

/// A guest whose answer's text has this place and length.
fn answering(at: u32, bytes: u32) -> Guest {
    Guest::doing(&format!(
        "(i32.store (i32.const 2056) (i32.const {at})) (i32.store (i32.const 2060) (i32.const {bytes}))"
    ))
}

pub(super) fn cases() -> Vec<Case> {
    let large = Guest { pages: 64, ..answering(65536, 2 << 20) };
    let huge = Guest { pages: 600, ..answering(65536, 32 << 20) };
    let no_json = Guest::doing("(i32.store8 (i32.const 1024) (i32.const 33))");
    let no_text = Guest::doing("(i32.store8 (i32.const 1025) (i32.const 255))");
    let deep = Guest {
        pages: 20,
        ..Guest::doing(
            "(memory.fill (i32.const 65536) (i32.const 91) (i32.const 1000000))
             (i32.store (i32.const 2056) (i32.const 65536)) (i32.store (i32.const 2060) (i32.const 1000000))",
        )
    };
    let foreign = Guest::doing(
        "(i32.store (i32.const 2064) (i32.const 3072)) (i32.store (i32.const 2068) (i32.const 1))
         (i32.store (i32.const 3072) (i32.const 77))",
    );
    let many = Guest::doing(
        "(i32.store (i32.const 2064) (i32.const 3072)) (i32.store (i32.const 2068) (i32.const 0x10000000))",
    );
    let no_case = Guest::doing("(i32.store8 (i32.const 2048) (i32.const 7))");
    vec![
        Case::new("an answer of two megabytes", large, End::Over(Limit::OutputBytes)),
        Case::new("an answer that is more than may cross", huge, End::Over(Limit::HostCallBytes)),
        Case::new("an answer that is no JSON", no_json, End::Invalid),
        Case::new("an answer that is no text", no_text, End::Invalid),
        Case::new("an answer nested a million deep", deep, End::Invalid),
        Case::new("an answer that lies nowhere", answering(u32::MAX - 8, 4), End::Invalid),
        Case::new("an answer that ends nowhere", answering(1024, 0x7fff_ffff), End::Invalid),
        Case::new("an answer with an asset that it does not have", foreign, End::Invalid),
        Case::new("an answer with a quarter of a billion assets", many, End::Invalid),
        Case::new("an answer that is neither well nor ill", no_case, End::Invalid),
    ]
}
