//! What a file is, by its first bytes.

use std::fmt;

/// What bytes that call themselves an addon turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryKind {
    /// A WebAssembly component.
    Component,
    /// A core WebAssembly module.
    CoreModule,
    /// Machine code: an ELF file, which is what precompiled components are.
    MachineCode,
    /// The text form of WebAssembly.
    Text,
    /// Too short to be anything.
    Empty,
    /// Something else.
    Unknown,
}

impl BinaryKind {
    /// Looks at the first bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x00, b'a', b's', b'm', _, _, 0x00, 0x00, ..] => Self::CoreModule,
            [0x00, b'a', b's', b'm', _, _, 0x01, 0x00, ..] => Self::Component,
            [0x7f, b'E', b'L', b'F', ..] => Self::MachineCode,
            _ if bytes.trim_ascii_start().starts_with(b"(") => Self::Text,
            _ if bytes.len() < 8 => Self::Empty,
            _ => Self::Unknown,
        }
    }

    /// What the author should do instead.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Component => "nothing is wrong with that",
            Self::CoreModule => "make a component of it with `semantest addon build` or `semantest addon pack`",
            Self::MachineCode => "precompiled code is never accepted, publish the component itself",
            Self::Text => "publish the binary form",
            Self::Empty | Self::Unknown => "publish a WebAssembly component",
        }
    }
}

impl fmt::Display for BinaryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "a component",
            Self::CoreModule => "a core WebAssembly module",
            Self::MachineCode => "machine code (ELF)",
            Self::Text => "WebAssembly text",
            Self::Empty => "a file too short to be anything",
            Self::Unknown => "something else",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"\0asm\x0d\0\x01\0"[..], BinaryKind::Component),
            (b"\0asm\x01\0\0\0", BinaryKind::CoreModule),
            (b"\x7fELF\x02\x01\x01\0\0", BinaryKind::MachineCode),
            (b"  (component)", BinaryKind::Text),
            (b"\0asm", BinaryKind::Empty),
            (b"", BinaryKind::Empty),
            (b"#!/bin/sh\nexit 1", BinaryKind::Unknown),
        ] {
            assert_eq!(BinaryKind::of(bytes), expected, "{bytes:?}");
        }
    }
}
