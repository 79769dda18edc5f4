//! Bytes that are no component, half a component, or too much of one.

use anyhow::Result;
use semantest::host::inspect::{InspectLimits, SizeProfile, inspect};
use semantest::model::code::JobCode;
use semantest::model::units::ByteSize;

use super::{ACTIONS, inspected, packed, plain_manifest, refusal};

#[test]
fn what_is_no_component_is_told_what_it_is() -> Result<()> {
    let module = wat::parse_str("(module)")?;
    for (bytes, words) in [
        (module.as_slice(), "a core WebAssembly module"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", "machine code"),
        (b"(component)", "WebAssembly text"),
        (b"", "too short"),
        (b"\0asm", "too short"),
        (b"PK\x03\x04 not an addon at all", "something else"),
    ] {
        let refusal = refusal(bytes)?;
        assert_eq!(refusal.code(), JobCode::NotAComponent);
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
    Ok(())
}

#[test]
fn a_component_cut_anywhere_is_refused() -> Result<()> {
    let whole = packed(ACTIONS, &plain_manifest())?;
    assert!(inspected(&whole).is_ok());
    for length in 0..whole.len() {
        let code = refusal(&whole[..length])?.code();
        let expected = match length {
            0..8 => code == JobCode::NotAComponent,
            // Cut between two sections it is a whole component, without the manifest that stands last.
            _ => matches!(code, JobCode::ComponentInvalid | JobCode::ManifestMissing),
        };
        assert!(expected, "{length} bytes: {code}");
    }
    Ok(())
}

#[test]
fn a_component_with_any_byte_changed_never_breaks_the_reader() -> Result<()> {
    let whole = packed(ACTIONS, &plain_manifest())?;
    for place in 0..whole.len() {
        for value in [0x00, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[place] = value;
            // Whatever comes of it, it comes as an answer.
            let _ = inspected(&changed);
        }
    }
    Ok(())
}

#[test]
fn a_file_larger_than_the_limit_is_refused_before_it_is_read() -> Result<()> {
    let limits = InspectLimits::for_size(ByteSize::kib(1));
    let error = inspect(&vec![0xff; 1025], &limits).err().map(|error| (error.code(), error.details()));
    let details = serde_json::json!({ "what": "bytes of the file", "found": 1025, "limit": 1024 });
    assert_eq!(error, Some((JobCode::TooLarge, details)));
    for (profile, mebibytes) in [(SizeProfile::Small, 4), (SizeProfile::JavaScript, 16), (SizeProfile::Python, 48)] {
        assert_eq!(InspectLimits::of(profile).max_bytes, ByteSize::mib(mebibytes));
    }
    Ok(())
}

#[test]
fn too_much_of_anything_is_refused_by_name() -> Result<()> {
    let many = |part: &str, count: usize| part.repeat(count);
    for (parts, what) in [
        (many("(core module)", 100), "core modules"),
        (many("(component)", 100), "components inside"),
        (many("(instance)", 2000), "instances"),
        (format!("(core module {})", many("(memory 1)", 20)), "memories"),
        (format!("(core module {})", many("(table 1 funcref)", 100)), "tables"),
        (format!("(core module {})", many("(func)", 200_001)), "functions"),
        ((0..600).map(|index| format!("(import \"f{index}\" (func))")).collect(), "imports and exports"),
    ] {
        let refusal = refusal(&packed(&format!("{parts} {ACTIONS}"), &plain_manifest())?)?;
        assert_eq!(refusal.code(), JobCode::TooLarge, "{what}: {refusal}");
        assert!(refusal.to_string().starts_with(what), "{refusal}");
    }
    Ok(())
}

#[test]
fn what_inner_components_hold_counts_too() -> Result<()> {
    let inner = format!("(component (core module {}))", "(memory 1)".repeat(9));
    let refusal = refusal(&packed(&format!("{inner} {inner} {ACTIONS}"), &plain_manifest())?)?;
    assert!(refusal.to_string().starts_with("memories: 18"), "{refusal}");
    Ok(())
}
