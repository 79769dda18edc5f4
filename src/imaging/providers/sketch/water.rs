//! Water: it shows what stands above it, broken by ripples, and carries light.

use super::brief::{Part, Weather};
use super::chance::{noise1, rough1, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix, shade};
use super::path::{Mask, Path, Point};
use super::stage::Stage;

/// The daylight colour of water.
pub(super) fn tone(stage: &Stage) -> Rgb {
    let plain = stage.brief.colour_of(Part::Water).unwrap_or([54, 118, 150]);
    mix(stage.near(plain), stage.light.sky[1], 0.35)
}

/// Mirrors what lies above `surface` into the shape, with ripples that grow towards the viewer.
pub(super) fn mirror(stage: &mut Stage, shape: &Path, surface: f32, clearness: f32) {
    let Some(mask) = Mask::of(shape, stage.canvas) else { return };
    let (_, h, unit) = stage.measures();
    let seed = stage.dice("ripples").next();
    let tint = tone(stage);
    let mut source = Vec::new();
    let canvas = &mut *stage.canvas;
    mask.each_row(|y, covers| {
        let depth = (to_f32(y) - surface).max(0.0);
        let share = depth / (h - surface).max(1.0);
        let ripple = wave(to_f32(y) / (unit * (0.006 + 0.03 * share)) + rough1(to_f32(y) / (unit * 0.05), 2, seed));
        let above = (surface - depth * 0.92 + ripple * unit * 0.006 * (0.3 + share)).max(0.0);
        canvas.copy_row(to_count(above), &mut source);
        let shift = ripple * unit * (0.002 + 0.014 * share);
        let strength = (clearness - 0.35 * share + 0.08 * ripple).clamp(0.0, 1.0);
        let dark = shade(tint, 1.0 - 0.35 * share);
        let (keep, last) = (alpha(1.0 - strength), source.len().saturating_sub(1));
        let span = canvas.span(y, mask.left, mask.left + mask.width);
        for ((x, pixel), cover) in span.iter_mut().enumerate().zip(covers) {
            let from = to_count((to_f32(x + mask.left) + shift).max(0.0)).min(last);
            let mut colour = source.get(from).copied().unwrap_or(dark);
            blend(&mut colour, dark, keep);
            blend(pixel, colour, alpha(*cover));
        }
    });
}

/// Light on the water below the sun or moon: dashes that widen towards the viewer.
pub(super) fn glitter(stage: &mut Stage, light: Point, rows: (f32, f32), width: f32) {
    let mut dice = stage.dice("glitter");
    let (_, _, unit) = stage.measures();
    let colour = mix(stage.light.source, stage.light.sky[3], 0.25);
    let dim = match stage.brief.weather {
        Weather::Clear => 1.0,
        Weather::Cloudy | Weather::Snow => 0.7,
        Weather::Mist => 0.4,
        Weather::Rain | Weather::Storm => 0.25,
    };
    for _ in 0..260_u16 {
        let depth = dice.unit();
        let y = rows.0 + (rows.1 - rows.0) * depth * depth;
        let spread = unit * width * (0.25 + depth);
        let off = (dice.unit() + dice.unit() + dice.unit() - 1.5) / 1.5;
        let length = unit * (0.006 + 0.05 * depth) * dice.range(0.5, 1.3);
        let x = light.0 + off * spread;
        let tall = unit * (0.0012 + 0.0045 * depth);
        let strength = dim * (0.75 - 0.35 * depth) * (1.0 - off.abs() * 0.7);
        stage.canvas.line((x - length, y), (x + length, y), (tall, tall), colour, strength);
    }
}

/// Open sea from `horizon` down: swell in rows, foam where it is rough.
pub(super) fn sea(stage: &mut Stage, horizon: f32) {
    let (w, h, unit) = stage.measures();
    let roughness = match stage.brief.weather {
        Weather::Storm => 1.0,
        Weather::Rain => 0.5,
        Weather::Clear | Weather::Cloudy | Weather::Mist | Weather::Snow => {
            if stage.brief.is_calm {
                0.12
            } else {
                0.25
            }
        }
    };
    let deep = tone(stage);
    let whole = Path::rect(-2.0, horizon, w + 4.0, h - horizon + 2.0);
    mirror(stage, &whole, horizon, 0.62 - 0.35 * roughness);
    let mut dice = stage.dice("swell");
    let foam = stage.far([236, 242, 244], 0.1);
    let rows = 11_u8;
    for row in 0..rows {
        let t = (f32::from(row) + 0.6) / f32::from(rows);
        let depth = t * t;
        let base = horizon + (h - horizon) * depth;
        let (length, swing) = (unit * (0.05 + 0.4 * depth), unit * (0.002 + 0.075 * depth) * roughness);
        let seed = dice.next();
        let offset = dice.unit() * 40.0;
        let heights: Vec<f32> =
            (0..stage.canvas.width()).map(|x| base - swing * crest(to_f32(x) / length + offset, seed)).collect();
        let crest_colour = mix(shade(deep, 1.25), stage.light.sky[3], 0.22);
        let trough = shade(deep, 0.62);
        let body = unit * (0.02 + 0.13 * depth);
        swell(stage, &heights, (crest_colour, trough), body, 0.35 + 0.45 * roughness);
        if roughness > 0.3 || row % 3 == 1 {
            foam_line(stage, &heights, foam, (unit * (0.001 + 0.006 * depth), base - swing * 0.35), roughness);
        }
    }
}

/// Waves: round troughs and pointed crests.
fn crest(along: f32, seed: u64) -> f32 {
    let sway = rough1(along * 0.7, 2, seed);
    let t = wave(along + sway).abs();
    (1.0 - t) * (0.35 + 0.9 * sway)
}

/// A row of swell, clear at its foot so that the rows melt into each other.
fn swell(stage: &mut Stage, heights: &[f32], colours: (Rgb, Rgb), depth: f32, strength: f32) {
    let first = heights.iter().fold(stage.canvas.h(), |least, height| least.min(*height));
    let last = heights.iter().fold(0.0_f32, |most, height| most.max(*height)) + depth;
    let width = stage.canvas.width();
    for y in to_count(first)..to_count(last).min(stage.canvas.height()) {
        let foot = to_f32(y) + 1.0;
        for (pixel, height) in stage.canvas.span(y, 0, width).iter_mut().zip(heights) {
            let below = foot - *height;
            if below > 0.0 && below < depth {
                let t = below / depth;
                let colour = if t < 0.2 { colours.0 } else { colours.1 };
                let fade = if t < 0.2 { 1.0 - t * 2.5 } else { 0.62 * (1.0 - t) };
                blend(pixel, colour, alpha(strength * fade * below.min(1.0)));
            }
        }
    }
}

/// Foam along the crests that rise above `(thickness, line).1`.
fn foam_line(stage: &mut Stage, heights: &[f32], colour: Rgb, (thickness, line): (f32, f32), roughness: f32) {
    let seed = stage.dice("foam").next();
    for (x, height) in heights.iter().enumerate() {
        let speckle = noise1(to_f32(x) / (thickness * 3.0).max(1.0), seed);
        let over = ((line - height) / (thickness * 3.0)).clamp(0.0, 1.0) * speckle;
        if over > 0.08 {
            let strength = over * (0.35 + 0.6 * roughness);
            let tall = to_count((thickness * (0.5 + 1.8 * speckle)).max(1.0)).max(1);
            for step in 0..tall {
                let fade = 1.0 - to_f32(step) / to_f32(tall);
                if let [pixel] = stage.canvas.span(to_count(height.max(0.0)) + step, x, x + 1) {
                    blend(pixel, colour, alpha(strength * fade));
                }
            }
        }
    }
}
