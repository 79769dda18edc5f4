//! What some bytes are, found by looking at them: format, size, and whether the end is there.

use imagesize::ImageType;
use serde::{Deserialize, Serialize};

use crate::config::imaging::ImagingSettings;
use crate::model::units::ByteSize;

/// A picture format that we take. No SVG: it is a program for the viewer's browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Gif, Self::Webp];

    /// The format's name, as results carry it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// The format's media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// What the bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// The format.
    pub format: Format,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// Limits on a picture, checked before anything decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of one picture.
    pub max_bytes: u64,
    /// Pixels of one picture.
    pub max_pixels: u64,
}

impl Caps {
    /// Any picture: for those that we made ourselves.
    pub const NONE: Self = Self { max_bytes: u64::MAX, max_pixels: u64::MAX };

    /// The limits that the settings draw for every provider.
    #[must_use]
    pub const fn of(settings: &ImagingSettings) -> Self {
        Self { max_bytes: settings.max_picture.as_u64(), max_pixels: settings.max_pixels }
    }
}

/// Why bytes are not a picture that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SniffError {
    /// Neither PNG, JPEG, GIF nor WebP.
    #[error("the bytes are neither PNG, JPEG, GIF nor WebP")]
    NotAPicture,
    /// The end of the file is missing.
    #[error("the {} ends before its end", format.as_str())]
    Cut {
        /// The format that it started as.
        format: Format,
    },
    /// More bytes than allowed.
    #[error("the picture is larger than {limit}")]
    TooManyBytes {
        /// The limit.
        limit: ByteSize,
    },
    /// More pixels than allowed, or none.
    #[error("the picture says it is {width}x{height}, allowed are 1 to {limit} pixels")]
    BadSize {
        /// Pixels from left to right.
        width: u64,
        /// Pixels from top to bottom.
        height: u64,
        /// The limit.
        limit: u64,
    },
}

/// Looks at `bytes` without decoding a pixel.
///
/// # Errors
/// [`SniffError`] when they are not a whole picture within `caps`.
pub fn sniff(bytes: &[u8], caps: Caps) -> Result<Sniffed, SniffError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > caps.max_bytes {
        return Err(SniffError::TooManyBytes { limit: ByteSize::bytes(caps.max_bytes) });
    }
    let format = match imagesize::image_type(bytes) {
        Ok(ImageType::Png) => Format::Png,
        Ok(ImageType::Jpeg) => Format::Jpeg,
        Ok(ImageType::Gif) => Format::Gif,
        Ok(ImageType::Webp) => Format::Webp,
        _ => return Err(SniffError::NotAPicture),
    };
    if !has_its_end(format, bytes) {
        return Err(SniffError::Cut { format });
    }
    let size = imagesize::blob_size(bytes).map_err(|_| SniffError::Cut { format })?;
    let (width, height) = (to_u64(size.width), to_u64(size.height));
    let bad_size = SniffError::BadSize { width, height, limit: caps.max_pixels };
    if !(1..=caps.max_pixels).contains(&width.saturating_mul(height)) {
        return Err(bad_size);
    }
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => Ok(Sniffed { format, width, height }),
        _ => Err(bad_size),
    }
}

/// Whether the file's own end mark is where it should be: what a body that broke off has not.
fn has_its_end(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Png => png_ends(bytes),
        // Cameras and provenance tools put data behind the end mark, so it is looked for from the back.
        Format::Jpeg => bytes.windows(2).rev().any(|pair| pair == [0xff, 0xd9]),
        Format::Gif => bytes.iter().rev().find(|byte| **byte != 0) == Some(&0x3b),
        Format::Webp => be_or_le(bytes, 4, u32::from_le_bytes)
            .is_some_and(|length| u64::from(length).saturating_add(8) <= to_u64(bytes.len())),
    }
}

/// Walks a PNG's chunks to `IEND`.
fn png_ends(bytes: &[u8]) -> bool {
    let mut at = 8_usize;
    while let Some(length) = be_or_le(bytes, at, u32::from_be_bytes) {
        let Some(body) = at.checked_add(8) else { return false };
        let Some(next) = usize::try_from(length).ok().and_then(|length| body.checked_add(length)?.checked_add(4))
        else {
            return false;
        };
        if next > bytes.len() {
            return false;
        }
        if bytes.get(at.saturating_add(4)..body) == Some(b"IEND") {
            return true;
        }
        at = next;
    }
    false
}

fn be_or_le(bytes: &[u8], at: usize, read: fn([u8; 4]) -> u32) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(read)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { max_bytes: 4096, max_pixels: 10_000 };

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().expect("a header");
        let rows = vec![0; usize::try_from(width * height).expect("a small picture")];
        writer.write_image_data(&rows).expect("rows");
        writer.finish().expect("an end");
        bytes
    }

    fn gif() -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend([3, 0, 2, 0, 0, 0, 0]);
        bytes.push(0x3b);
        bytes
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        assert_eq!(sniff(&png(30, 20), CAPS), Ok(Sniffed { format: Format::Png, width: 30, height: 20 }));
        assert_eq!(sniff(&gif(), CAPS), Ok(Sniffed { format: Format::Gif, width: 3, height: 2 }));
    }

    #[test]
    fn what_is_not_a_picture_is_said_to_be_none() {
        for bytes in [
            &b""[..],
            b"\x89PN",
            b"<html><body>502</body></html>",
            b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
            b"%PDF-1.7",
            b"BM\x00\x00",
        ] {
            assert_eq!(sniff(bytes, CAPS), Err(SniffError::NotAPicture));
        }
    }

    #[test]
    fn a_picture_without_its_end_is_cut_wherever_it_was_cut() {
        let whole = png(30, 20);
        for length in 12..whole.len() {
            assert!(sniff(&whole[..length], CAPS).is_err(), "{length} of {} bytes", whole.len());
        }
        assert_eq!(sniff(&gif()[..13], CAPS), Err(SniffError::Cut { format: Format::Gif }));
        let webp = b"RIFF\xff\x00\x00\x00WEBPVP8 ";
        assert_eq!(sniff(webp, CAPS), Err(SniffError::Cut { format: Format::Webp }));
    }

    #[test]
    fn a_header_that_promises_too_many_pixels_is_refused_before_it_is_decoded() {
        let mut bomb = png(30, 20);
        bomb.splice(16..24, [0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00]);
        assert_eq!(sniff(&bomb, CAPS), Err(SniffError::BadSize { width: 65_536, height: 65_536, limit: 10_000 }));
        let many = vec![0; 5000];
        assert_eq!(sniff(&many, CAPS), Err(SniffError::TooManyBytes { limit: ByteSize::bytes(4096) }));
    }
}
