//! Water: it shows what stands above it, broken by ripples, and carries light.

use super::brief::{Part, Weather};
use super::chance::{NoiseField, rough1, rough2, smooth, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix, scale, shade};
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

/// Open sea from `horizon` down: waves in perspective, with foam on their crests where it is rough.
pub(super) fn sea(stage: &mut Stage, horizon: f32) {
    let (w, h, unit) = stage.measures();
    let roughness = match stage.brief.weather {
        Weather::Storm => 1.0,
        Weather::Rain => 0.55,
        Weather::Clear | Weather::Cloudy | Weather::Mist | Weather::Snow => {
            if stage.brief.is_calm {
                0.2
            } else {
                0.35
            }
        }
    };
    let deep = tone(stage);
    let whole = Path::rect(-2.0, horizon, w + 4.0, h - horizon + 2.0);
    mirror(stage, &whole, horizon, 0.62 - 0.4 * roughness);
    let foam = stage.far(mix([238, 244, 246], deep, 0.12), 0.12);
    let crest = mix(shade(deep, 1.35), stage.light.sky[3], 0.3);
    let colours = [shade(deep, 0.45), shade(deep, 0.72), deep, crest, mix(crest, foam, roughness)];
    let skins: Vec<Rgb> = (0..=96_u8).map(|step| scale(&colours, f32::from(step) / 96.0)).collect();
    let seed = stage.dice("waves").next();
    let tall = h - horizon;
    let field = NoiseField::new(w, tall, (unit / 300.0).max(2.0), |x, y| {
        wave_tone((x - w * 0.5) / unit, (y / tall).clamp(0.0, 1.0), roughness, seed)
    });
    let mut row = Vec::new();
    let width = stage.canvas.width();
    for y in to_count(horizon)..stage.canvas.height() {
        let near = (to_f32(y) - horizon) / tall;
        field.read_row(to_f32(y) - horizon, 0, &mut row, width);
        let strength = alpha(smooth(0.0, 0.06, near) * (0.45 + 0.5 * roughness));
        for (pixel, tone) in stage.canvas.span(y, 0, width).iter_mut().zip(&row) {
            if let Some(colour) = skins.get(to_count(tone * 96.0)) {
                blend(pixel, *colour, strength);
            }
        }
    }
}

/// How light the water is at a place: `across` in units from the middle, `near` from the horizon (0) to the viewer (1).
fn wave_tone(across: f32, near: f32, roughness: f32, seed: u64) -> f32 {
    let far = 1.0 / (near + 0.07);
    let along = far * (4.6 + 2.0 * (1.0 - roughness));
    let place = across * far * (2.1 + 1.6 * (1.0 - roughness)) + 40.0;
    // Crests are where two slopes meet: the fold of a noise gives long, curved, pointed lines.
    let height = |shift: f32| {
        let bend = rough2(place * 0.8 + 3.0, (along + shift) * 0.5, 2, seed ^ 1);
        let fold = 1.0 - (2.0 * rough2(place, along + shift + bend * 1.6, 3, seed) - 1.0).abs();
        fold * fold
    };
    let here = height(0.0);
    let slope = here - height(0.1);
    let foam = smooth(0.82, 1.0, here) * roughness;
    let contrast = smooth(0.0, 0.22, near);
    (0.42 + (slope * 1.5 + (here - 0.45) * 0.35) * contrast + foam * 0.5).clamp(0.0, 1.0)
}
