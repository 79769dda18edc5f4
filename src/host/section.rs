//! The custom section in which a component carries its manifest.
//!
//! Only the outermost component's own sections count: a component inside may
//! carry one too, and says nothing about the whole.

use std::borrow::Cow;
use std::io::{BufReader, Read, Seek};
use std::ops::Range;

use wasm_encoder::{CustomSection, Encode as _};
use wasmparser::{BinaryReader, BinaryReaderError};

use crate::host::inspect::kind::BinaryKind;
use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError, ManifestFault};

/// Name of the section that holds the manifest as JSON.
pub const MANIFEST_SECTION: &str = "semantest:manifest";

/// Bytes of a binary's header: magic, version, layer.
const HEADER_BYTES: usize = 8;
/// Longest id and length of a section, in bytes.
const LONGEST_HEAD: u64 = 6;
/// Largest manifest section that is looked at, in bytes: a whole manifest, with room to see that it is too large.
const LARGEST_EXCERPT: u64 = 2 * MAX_MANIFEST_BYTES as u64;
/// Most sections that are stepped over; tools write some hundred.
const MOST_SECTIONS: usize = 100_000;
/// Id of custom sections.
const CUSTOM: u8 = 0;

/// Why no manifest can be read from, or written to, a binary.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// The bytes are something else.
    #[error("this is not a component but {found}; {}", .found.advice())]
    NotAComponent {
        /// What they are.
        found: BinaryKind,
    },
    /// The binary ends too early, or its sections do not add up.
    #[error("the binary's sections cannot be read")]
    Malformed(#[source] BinaryReaderError),
    /// There is none.
    #[error("the component has no section `{MANIFEST_SECTION}`; `semantest addon build` and `pack` embed it")]
    Missing,
    /// It breaks the rules, or stands there more than once.
    #[error(transparent)]
    Invalid(#[from] ManifestError),
    /// A manifest that cannot be written as JSON.
    #[error("the manifest cannot be written as JSON")]
    Write(#[from] serde_json::Error),
}

impl SectionError {
    /// The stable code that a job ends with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::NotAComponent { .. } => JobCode::NotAComponent,
            Self::Malformed(_) => JobCode::ComponentInvalid,
            Self::Missing => JobCode::ManifestMissing,
            Self::Invalid(_) | Self::Write(_) => JobCode::ManifestInvalid,
        }
    }

    /// The same bytes will always be refused.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        Disposition::GiveUp
    }
}

/// Reads the manifest of a component, without looking at anything else in it.
///
/// # Errors
/// [`SectionError`] when there is no manifest, more than one, or one that breaks the rules.
pub fn read(component: &[u8]) -> Result<Manifest, SectionError> {
    let found = manifests(component)?;
    match found.as_slice() {
        [] => Err(SectionError::Missing),
        [only] => Ok(Manifest::from_json(only.contents)?),
        more => {
            let message = format!("section `{MANIFEST_SECTION}` stands {} times; it must stand once", more.len());
            Err(ManifestError { faults: vec![ManifestFault::at("", message)] }.into())
        }
    }
}

/// The manifest's bytes as they stand in a component: what a signature names by its digest.
///
/// # Errors
/// [`SectionError`] when there is not exactly one manifest.
pub fn contents(component: &[u8]) -> Result<Vec<u8>, SectionError> {
    match manifests(component)?.as_slice() {
        [only] => Ok(only.contents.to_vec()),
        _ => Err(SectionError::Missing),
    }
}

/// As much of a component as [`read`] looks at, without holding the rest: its header and its manifest sections. What is
/// cut off or larger than any manifest stays cut off, so that [`read`] refuses it.
///
/// # Errors
/// The source cannot be read.
pub fn excerpt<R: Read + Seek>(source: R) -> std::io::Result<Vec<u8>> {
    let mut source = BufReader::new(source);
    let mut kept = Vec::new();
    source.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut kept)?;
    let named = [&[u8::try_from(MANIFEST_SECTION.len()).unwrap_or(u8::MAX)], MANIFEST_SECTION.as_bytes()].concat();
    for _ in 0..MOST_SECTIONS {
        let mut head = Vec::new();
        source.by_ref().take(LONGEST_HEAD + named.len() as u64).read_to_end(&mut head)?;
        let mut reader = BinaryReader::new(&head, 0);
        let (Ok(id), Ok(length)) = (reader.read_u8(), reader.read_var_u32()) else {
            kept.extend_from_slice(&head);
            return Ok(kept);
        };
        let whole = (reader.original_position() as u64).saturating_add(u64::from(length));
        let is_manifest = id == CUSTOM && reader.read_bytes(named.len()).is_ok_and(|name| name == named);
        let mut read = head.len() as u64;
        if is_manifest {
            source.seek_relative(0_i64.saturating_sub_unsigned(read))?;
            read = source.by_ref().take(whole.min(LARGEST_EXCERPT)).read_to_end(&mut kept)? as u64;
            if read < whole {
                return Ok(kept);
            }
        }
        source.seek_relative(0_i64.saturating_add_unsigned(whole).saturating_sub_unsigned(read))?;
    }
    Ok(kept)
}

/// The component with `manifest` as its only manifest.
///
/// # Errors
/// [`SectionError`] when the component's sections cannot be read.
pub fn embed(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, SectionError> {
    let json = manifest.to_json()?;
    let mut embedded = without(component, &manifests(component)?);
    // The id is not part of what `CustomSection` encodes.
    embedded.push(CUSTOM);
    CustomSection { name: Cow::Borrowed(MANIFEST_SECTION), data: Cow::Borrowed(&json) }.encode(&mut embedded);
    Ok(embedded)
}

/// One manifest section: where it lies, id and length included, and what it holds.
struct Found<'a> {
    place: Range<usize>,
    contents: &'a [u8],
}

fn without(bytes: &[u8], sections: &[Found<'_>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for section in sections {
        kept.extend_from_slice(bytes.get(from..section.place.start).unwrap_or_default());
        from = section.place.end;
    }
    kept.extend_from_slice(bytes.get(from..).unwrap_or_default());
    kept
}

fn manifests(bytes: &[u8]) -> Result<Vec<Found<'_>>, SectionError> {
    match BinaryKind::of(bytes) {
        BinaryKind::Component => walk(bytes).map_err(SectionError::Malformed),
        found => Err(SectionError::NotAComponent { found }),
    }
}

/// Steps over the outermost sections by their lengths.
fn walk(bytes: &[u8]) -> Result<Vec<Found<'_>>, BinaryReaderError> {
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(HEADER_BYTES)?;
    let mut found = Vec::new();
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let length = usize::try_from(reader.read_var_u32()?).unwrap_or(usize::MAX);
        let section = reader.read_bytes(length)?;
        let end = reader.original_position();
        if id != CUSTOM {
            continue;
        }
        let mut inside = BinaryReader::new(section, end.saturating_sub(length));
        if inside.read_string()? == MANIFEST_SECTION {
            let contents = inside.read_bytes(inside.bytes_remaining())?;
            found.push(Found { place: start..end, contents });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EMPTY_COMPONENT: [u8; 8] = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];

    fn manifest(version: &str) -> Result<Manifest, ManifestError> {
        Manifest::from_value(json!({
            "id": "acme.probe", "version": version, "name": "Probe", "description": "Tries things.",
            "actions": [{ "name": "try" }],
        }))
    }

    #[test]
    fn an_embedded_manifest_is_read_back() -> Result<(), Box<dyn std::error::Error>> {
        let manifest = manifest("1.0.0")?;
        let component = embed(&EMPTY_COMPONENT, &manifest)?;
        assert_eq!(read(&component)?, manifest);
        wasmparser::Validator::new().validate_all(&component)?;
        Ok(())
    }

    #[test]
    fn embedding_again_replaces_the_manifest() -> Result<(), Box<dyn std::error::Error>> {
        let first = embed(&EMPTY_COMPONENT, &manifest("1.0.0")?)?;
        let second = embed(&first, &manifest("1.0.1")?)?;
        assert_eq!(read(&second)?.version.to_string(), "1.0.1");
        assert_eq!(second, embed(&EMPTY_COMPONENT, &manifest("1.0.1")?)?);
        Ok(())
    }

    #[test]
    fn a_component_without_or_with_two_manifests_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        assert!(matches!(read(&EMPTY_COMPONENT), Err(SectionError::Missing)));
        let once = embed(&EMPTY_COMPONENT, &manifest("1.0.0")?)?;
        let twice = [&once, once.get(HEADER_BYTES..).unwrap_or_default()].concat();
        let error = read(&twice).err().ok_or("two manifests were accepted")?;
        assert!(error.to_string().contains("stands 2 times"), "{error}");
        Ok(())
    }

    #[test]
    fn a_manifest_inside_an_inner_component_does_not_count() -> Result<(), Box<dyn std::error::Error>> {
        let inner = embed(&EMPTY_COMPONENT, &manifest("1.0.0")?)?;
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::RawSection { id: 4, data: &inner });
        assert!(matches!(read(&outer.finish()), Err(SectionError::Missing)));
        Ok(())
    }

    #[test]
    fn an_excerpt_says_what_the_whole_says() -> Result<(), Box<dyn std::error::Error>> {
        let large = wasm_encoder::CustomSection { name: Cow::Borrowed("name"), data: Cow::Owned(vec![7; 100_000]) };
        let mut component = wasm_encoder::Component::new();
        component.section(&large);
        let component = embed(&component.finish(), &manifest("1.0.0")?)?;
        let small = excerpt(std::io::Cursor::new(&component))?;
        assert!(small.len() < 1000, "{} bytes", small.len());
        assert_eq!(read(&small)?, read(&component)?);
        let twice = [component.as_slice(), component.get(HEADER_BYTES..).unwrap_or_default()].concat();
        assert!(matches!(read(&excerpt(std::io::Cursor::new(&twice))?), Err(SectionError::Invalid(_))));
        let module = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
        let found = read(&excerpt(std::io::Cursor::new(&module))?);
        assert!(matches!(found, Err(SectionError::NotAComponent { found: BinaryKind::CoreModule })));
        let cut = component.get(..component.len() - 1).unwrap_or_default();
        assert!(matches!(read(&excerpt(std::io::Cursor::new(cut))?), Err(SectionError::Malformed(_))));
        Ok(())
    }

    #[test]
    fn a_cut_binary_is_malformed_at_every_length() -> Result<(), Box<dyn std::error::Error>> {
        let component = embed(&EMPTY_COMPONENT, &manifest("1.0.0")?)?;
        for length in HEADER_BYTES + 1..component.len() {
            let cut = component.get(..length).unwrap_or_default();
            assert!(matches!(read(cut), Err(SectionError::Malformed(_))), "{length} bytes");
        }
        Ok(())
    }
}
