//! Small copies of pictures, for lists. The picture itself is never written anew.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};

use crate::imaging::sniff::{Caps, Format, SniffError, sniff};

/// How fine a thumbnail without transparency is, of 100: enough for its size.
const JPEG_QUALITY: u8 = 80;
/// Bytes that a decoder may take for each pixel that is allowed: four channels of sixteen bits, and as much again.
const BYTES_PER_PIXEL: u64 = 16;

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// It is no picture that we take.
    #[error("it is no picture that we take")]
    Sniff(#[from] SniffError),
    /// It looks like a picture, and is none.
    #[error("it cannot be decoded")]
    Decode(#[from] ImageError),
}

/// A copy of `bytes` whose longest side has at most `side` pixels: PNG where the picture may be transparent, JPEG where not.
/// Size and pixels are looked at before anything is decoded. Takes milliseconds to a second of the calling thread.
///
/// # Errors
/// [`ThumbnailError`] when it is no picture within `caps`.
pub fn thumbnail(bytes: &[u8], caps: Caps, side: u32) -> Result<Bytes, ThumbnailError> {
    let sniffed = sniff(bytes, caps)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format(sniffed.format));
    let mut limits = Limits::default();
    limits.max_image_width = Some(sniffed.width);
    limits.max_image_height = Some(sniffed.height);
    limits.max_alloc = Some(caps.max_pixels.saturating_mul(BYTES_PER_PIXEL));
    reader.limits(limits);
    let small = reader.decode()?.thumbnail(side, side);
    let mut written = Cursor::new(Vec::new());
    if small.color().has_alpha() {
        DynamicImage::ImageRgba8(small.into_rgba8()).write_to(&mut written, ImageFormat::Png)?;
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut written, JPEG_QUALITY);
        small.into_rgb8().write_with_encoder(encoder)?;
    }
    Ok(written.into_inner().into())
}

const fn format(format: Format) -> ImageFormat {
    match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Gif => ImageFormat::Gif,
        Format::Webp => ImageFormat::WebP,
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;
    use crate::model::units::ByteSize;

    const CAPS: Caps = Caps { max_bytes: ByteSize::mib(4).as_u64(), max_pixels: 1_000_000 };

    fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Result<Vec<u8>, ImageError> {
        let mut written = Cursor::new(Vec::new());
        picture.into().write_to(&mut written, format)?;
        Ok(written.into_inner())
    }

    #[test]
    fn a_thumbnail_is_small_and_keeps_its_shape_and_its_transparency() -> Result<(), Box<dyn std::error::Error>> {
        let opaque = written(RgbImage::from_pixel(640, 320, Rgb([200, 30, 30])), ImageFormat::Png)?;
        let clear = written(RgbaImage::from_pixel(320, 640, Rgba([0, 0, 0, 0])), ImageFormat::Png)?;
        for (bytes, format, width, height) in [(opaque, Format::Jpeg, 128, 64), (clear, Format::Png, 64, 128)] {
            let small = sniff(&thumbnail(&bytes, CAPS, 128)?, CAPS)?;
            assert_eq!((small.format, small.width, small.height), (format, width, height));
        }
        Ok(())
    }

    #[test]
    fn what_is_too_large_or_broken_is_not_decoded_to_its_end() -> Result<(), Box<dyn std::error::Error>> {
        let large = written(RgbImage::new(1500, 1000), ImageFormat::Png)?;
        assert!(matches!(thumbnail(&large, CAPS, 128), Err(ThumbnailError::Sniff(SniffError::BadSize { .. }))));
        let mut broken = written(RgbImage::from_pixel(64, 64, Rgb([9, 9, 9])), ImageFormat::Png)?;
        let middle = broken.len() / 2;
        for byte in broken.iter_mut().skip(middle).take(8) {
            *byte ^= 0xff;
        }
        assert!(thumbnail(&broken, CAPS, 32).is_err());
        Ok(())
    }
}
