//! `semantest.palette`: dominant colours, read from the host window by window.

use anyhow::{Result, bail};
use bytes::Bytes;
use semantest::host::invocation::{PictureOutcome, PictureVerdict};
use semantest::host::{CallReport, Invocation, Reply};
use semantest::model::code::JobCode;
use semantest::model::image::ImageRequest;
use semantest::model::manifest::HookPoint;
use serde_json::{Value, json};

use super::Enabled;

/// A PNG whose pixels come from a function of their place.
fn picture(width: u32, height: u32, colour: png::ColorType, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes.into())
}

async fn report(palette: &Enabled, media_type: &str, bytes: Bytes) -> CallReport {
    let asset = palette.memory.keep(media_type, bytes, json!({}));
    palette.ask(Invocation::AfterImage { request: ImageRequest::of("a garden"), asset }).await
}

async fn tags(config: Value, bytes: Bytes) -> Result<Option<Value>> {
    let palette = Enabled::with("semantest.palette", config).await?;
    match report(&palette, "image/png", bytes).await.outcome? {
        Reply::AfterImage(PictureOutcome { verdict: PictureVerdict::Keep, tags }) => Ok(tags),
        other => bail!("not kept: {other:?}"),
    }
}

#[tokio::test]
async fn a_picture_is_tagged_with_its_colours_by_share() -> Result<()> {
    let bytes = picture(100, 50, png::ColorType::Rgb, |x, _| match x {
        0..60 => vec![0x2f, 0x4a, 0x3c],
        60..90 => vec![0xe8, 0xe2, 0xd0],
        _ => vec![0xc0, 0x10, 0x10],
    })?;
    let expected = json!({ "colours": [
        { "hex": "#2f4a3c", "share": 0.6 }, { "hex": "#e8e2d0", "share": 0.3 }, { "hex": "#c01010", "share": 0.1 },
    ] });
    assert_eq!(tags(json!({}), bytes.clone()).await?, Some(expected));
    let one = json!({ "colours": [{ "hex": "#2f4a3c", "share": 0.6 }] });
    assert_eq!(tags(json!({ "colours": 1 }), bytes).await?, Some(one));
    Ok(())
}

#[tokio::test]
async fn every_kind_of_png_is_read() -> Result<()> {
    let white = json!({ "colours": [{ "hex": "#ffffff", "share": 1.0 }] });
    let grey = picture(9, 9, png::ColorType::Grayscale, |_, _| vec![255])?;
    let half_clear = picture(8, 8, png::ColorType::GrayscaleAlpha, |x, _| vec![255, if x < 4 { 0 } else { 255 }])?;
    let clear = picture(8, 8, png::ColorType::Rgba, |x, _| vec![255, 255, 255, if x < 4 { 0 } else { 255 }])?;
    for bytes in [grey, half_clear, clear] {
        assert_eq!(tags(json!({}), bytes).await?, Some(white.clone()));
    }
    Ok(())
}

#[tokio::test]
async fn a_large_picture_stays_within_the_hooks_own_limits_of_memory() -> Result<()> {
    let mut palette = Enabled::by_default("semantest.palette").await?;
    palette.limits.memory = palette.hook_limits(HookPoint::AfterImage).memory;
    // Noise compresses badly: the picture is larger than the memory of the guest's arena, many windows long.
    let bytes = picture(2048, 2048, png::ColorType::Rgb, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
        vec![noise[0], noise[1], noise[2]]
    })?;
    let report = report(&palette, "image/png", bytes).await;
    let Reply::AfterImage(outcome) = report.outcome? else { bail!("no picture's reply") };
    let colours = outcome.tags.and_then(|tags| tags["colours"].as_array().map(Vec::len));
    assert_eq!(colours, Some(5));
    assert!(report.usage.peak_memory.as_u64() < 8 * 1024 * 1024, "{}", report.usage.peak_memory);
    Ok(())
}

#[tokio::test]
async fn other_pictures_are_kept_without_tags() -> Result<()> {
    let palette = Enabled::by_default("semantest.palette").await?;
    let report = report(&palette, "image/jpeg", Bytes::from_static(b"\xff\xd8\xff")).await;
    let kept = Reply::AfterImage(PictureOutcome { verdict: PictureVerdict::Keep, tags: None });
    assert_eq!(report.outcome?, kept);
    assert!(report.logs.iter().any(|line| line.message.contains("no PNG")), "{:?}", report.logs);
    Ok(())
}

#[tokio::test]
async fn a_broken_picture_is_told_and_nothing_else() -> Result<()> {
    let palette = Enabled::by_default("semantest.palette").await?;
    let whole = picture(64, 64, png::ColorType::Rgb, |x, y| vec![u8::try_from(x * y % 256).unwrap_or(0); 3])?;
    for bytes in [Bytes::from_static(b"not a picture"), Bytes::new(), whole.slice(..whole.len() / 2)] {
        let failure = report(&palette, "image/png", bytes).await.outcome.err();
        assert_eq!(failure.map(|failure| failure.code()), Some(JobCode::AddonFailed));
    }
    Ok(())
}
