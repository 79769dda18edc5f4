//! Reading a PNG row by row.

use std::io::{BufRead, Seek};

use png::{ColorType, Decoder, DecodingError, Limits, Transformations};
use semantest_addon::Error;

use crate::histogram::Histogram;

/// Most bytes that the decoder keeps: two rows of a very wide picture and its compressed input.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Pixels that are looked at, about; more would not change the palette.
const SAMPLES: u64 = 262_144;

/// Counts the colours of a picture.
pub(crate) fn read(source: impl BufRead + Seek) -> Result<Histogram, Error> {
    count(source).map_err(|error| Error::permanent("broken-picture", error.to_string()))
}

fn count(source: impl BufRead + Seek) -> Result<Histogram, DecodingError> {
    let mut decoder = Decoder::new_with_limits(source, Limits { bytes: MAX_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let (colour, _) = reader.output_color_type();
    let info = reader.info();
    let pixels = u64::from(info.width).saturating_mul(u64::from(info.height));
    // Every n-th pixel of every row: rows must be inflated anyway.
    let step = usize::try_from(pixels.div_ceil(SAMPLES).max(1)).unwrap_or(usize::MAX);

    let mut histogram = Histogram::default();
    let mut offset = 0;
    while let Some(row) = reader.next_row()? {
        let width = row.data().len() / colour.samples();
        let mut sampled = row.data().chunks_exact(colour.samples()).skip(offset).step_by(step);
        sampled.by_ref().for_each(|pixel| add(&mut histogram, colour, pixel));
        // The next row begins elsewhere, so that stripes as wide as the step are seen.
        offset = (offset + step - width % step) % step;
    }
    Ok(histogram)
}

fn add(histogram: &mut Histogram, colour: ColorType, pixel: &[u8]) {
    match (colour, pixel) {
        (ColorType::Grayscale, &[grey]) => histogram.add([grey; 3], u8::MAX),
        (ColorType::GrayscaleAlpha, &[grey, alpha]) => histogram.add([grey; 3], alpha),
        (ColorType::Rgb, &[red, green, blue]) => histogram.add([red, green, blue], u8::MAX),
        (ColorType::Rgba, &[red, green, blue, alpha]) => histogram.add([red, green, blue], alpha),
        // `normalize_to_color8` expands palettes; a row of another length is no pixel.
        _ => {}
    }
}
