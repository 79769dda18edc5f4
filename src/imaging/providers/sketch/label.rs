//! The finished file: a PNG that says in itself what it is and what made it.

use png::text_metadata::ITXtChunk;

use super::{MODEL, SOURCE};

/// Why the file could not be written; only a fault of ours can be the cause.
#[derive(Debug, thiserror::Error)]
#[error("writing the PNG")]
pub(super) struct LabelError(#[from] png::EncodingError);

/// Writes the pixels as a PNG (RGB, 8 bits) with its label.
pub(super) fn png(
    pixels: &[u8],
    width: u32,
    height: u32,
    seed: u64,
    understood: &[String],
) -> Result<Vec<u8>, LabelError> {
    let mut bytes = Vec::with_capacity(pixels.len() / 2);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Up);
    encoder.add_text_chunk(String::from("Software"), format!("semantest {MODEL}"))?;
    encoder.add_text_chunk(String::from("Source"), SOURCE.to_owned())?;
    let words = if understood.is_empty() { String::from("none of the prompt's words") } else { understood.join(" ") };
    encoder.add_text_chunk(String::from("Comment"), format!("seed {seed}; drawn from: {}", latin(&words)))?;
    let mut writer = encoder.write_header()?;
    writer.write_text_chunk(&ITXtChunk::new("XML:com.adobe.xmp", provenance()))?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// `tEXt` holds Latin-1 only.
fn latin(text: &str) -> String {
    text.chars().filter(|c| u32::from(*c) < 256 && !c.is_control()).collect()
}

/// IPTC's mark for pictures that an algorithm made without learning from others.
fn provenance() -> String {
    String::from(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\
         <Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia\
         </Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>",
    )
}
