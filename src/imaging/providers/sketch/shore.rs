//! The sea and its edge: open water, a headland with a lighthouse, a beach; and a caravan for the sea of sand.

use super::brief::{Hour, Part, Subject, Weather};
use super::chance::{Dice, NoiseField, rough1, rough2, smooth, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix, shade};
use super::land;
use super::path::{Paint, Path, Point};
use super::plants;
use super::stage::Stage;
use super::{buildings, sky, water};

pub(super) fn sea(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("sea");
    let horizon = h * 0.56;
    let light = sky::paint(stage, horizon);
    if stage.brief.weather == Weather::Storm {
        let x = if light.0 < w * 0.5 { w * dice.range(0.14, 0.3) } else { w * dice.range(0.36, 0.5) };
        sky::lightning(stage, x, horizon);
    }
    water::sea(stage, horizon);
    if stage.brief.weather != Weather::Storm {
        water::glitter(stage, light, (horizon + 1.0, h), 0.09);
    }
    if stage.brief.has(Subject::Boat) {
        let place = (w * dice.range(0.25, 0.5), h * 0.68);
        let size = unit * 0.17;
        buildings::boat(stage, place, size);
        let foam = stage.far([230, 238, 242], 0.1);
        for off in [-0.5, -0.2, 0.15, 0.5] {
            let from = (place.0 + (off - 0.2) * size, place.1 + size * 0.09);
            stage.canvas.line(from, (from.0 + size * 0.4, from.1 + size * 0.01), (size * 0.02, size * 0.03), foam, 0.7);
        }
    }
    if stage.brief.has(Subject::Lighthouse) {
        headland(stage, &mut dice);
    }
    if stage.brief.weather == Weather::Clear && !stage.light.is_dark && !stage.brief.has(Subject::Bird) {
        sky::birds(stage, 5, (h * 0.18, h * 0.36));
    }
}

/// A rocky headland at the right with a lighthouse on it.
fn headland(stage: &mut Stage, dice: &mut Dice) {
    let (w, h, unit) = stage.measures();
    let seed = dice.next();
    let tip = w * 0.5 - unit * 0.04;
    let rock = [112, 104, 100];
    for (layer, rise) in [(0_u8, 0.3), (1, 0.22), (2, 0.13)] {
        let shift = f32::from(layer) * unit * 0.06;
        let foot = h * (0.83 + 0.045 * f32::from(layer));
        let heights: Vec<f32> = (0..stage.canvas.width())
            .map(|x| {
                let along = (to_f32(x) - tip - shift) / (unit * 0.4);
                let steps = rough1(to_f32(x) / (unit * 0.05), 4, seed ^ u64::from(layer)) - 0.4;
                let jag = steps * unit * 0.09 * smooth(0.0, 0.2, along);
                foot - smooth(-0.05, 0.95, along) * unit * rise - jag + smooth(0.0, -0.45, along) * unit * 0.34
            })
            .collect();
        if layer == 1 {
            let place = (w * 0.5 + unit * 0.28, h * 0.83 - unit * 0.2);
            let lamp = buildings::lighthouse(stage, place, unit * 0.48);
            if stage.light.is_dark || stage.brief.hour == Hour::Sunset {
                buildings::beams(stage, lamp);
            }
        }
        crag(stage, &heights, foot, shade(rock, 1.0 - 0.1 * f32::from(layer)), seed ^ u64::from(layer));
        let edge = tip + shift + unit * 0.02;
        if layer < 2 && stage.brief.weather != Weather::Storm {
            continue;
        }
        spray(stage, (edge, foot + unit * 0.02), dice);
    }
}

/// Rock below a line, in facets of light and shade, down to the water at `foot`.
fn crag(stage: &mut Stage, heights: &[f32], foot: f32, rock: Rgb, seed: u64) {
    let (w, h, unit) = stage.measures();
    let top = heights.iter().fold(h, |least, height| least.min(*height));
    let (lit, dark) = (stage.far(mix(rock, [244, 232, 214], 0.3), 0.1), stage.near(shade(rock, 0.34)));
    let skins: Vec<Rgb> = (0..=32_u8).map(|step| mix(dark, lit, f32::from(step) / 32.0)).collect();
    let field = NoiseField::new(w, h - top, (unit / 260.0).max(2.0), |x, y| {
        let lean = x + y * 0.45;
        let here = rough2(lean / (unit * 0.07), y / (unit * 0.11), 3, seed);
        let beside = rough2((lean - unit * 0.014) / (unit * 0.07), (y - unit * 0.01) / (unit * 0.11), 3, seed);
        (0.48 + (here - beside) * 3.2).clamp(0.0, 1.0)
    });
    let mut row = Vec::new();
    let width = stage.canvas.width();
    for y in to_count(top)..stage.canvas.height() {
        field.read_row(to_f32(y) - top, 0, &mut row, width);
        let wet = 1.0 - 0.55 * smooth(foot - unit * 0.1, foot + unit * 0.06, to_f32(y));
        for ((pixel, height), tone) in stage.canvas.span(y, 0, width).iter_mut().zip(heights).zip(&row) {
            let below = to_f32(y) + 1.0 - *height;
            if below > 0.0 {
                let edge = (1.0 - below / (unit * 0.03)).max(0.0) * 0.3;
                let colour = skins.get(to_count(((tone + edge) * wet * 32.0).min(32.0))).copied().unwrap_or(dark);
                blend(pixel, colour, alpha(below.min(1.0)));
            }
        }
    }
}

/// Water that breaks at the foot of the rocks, from `place` to the right.
fn spray(stage: &mut Stage, place: Point, dice: &mut Dice) {
    let (w, _, unit) = stage.measures();
    let is_rough = matches!(stage.brief.weather, Weather::Storm | Weather::Rain);
    let foam = mix(stage.near([244, 248, 250]), [206, 214, 228], if stage.light.is_dark { 0.5 } else { 0.0 });
    let (height, count) = if is_rough { (0.19, 420_u16) } else { (0.03, 200) };
    for index in 0..count {
        let burst = dice.pick(&[0.0, 0.07, 0.19, 0.36, 0.5], 0.0);
        let x = place.0 + unit * (burst + dice.range(-0.055, 0.055)) + dice.range(-0.005, 0.005) * w;
        let rise = dice.unit() * dice.unit();
        let y = place.1 - rise * height * unit * (1.0 - burst) + dice.range(-0.004, 0.02) * unit;
        let size = unit * dice.range(0.001, 0.0048) * (1.0 - rise * 0.6);
        if index % 5 == 0 {
            stage.canvas.glow((x, y), size * 9.0, foam, 0.3);
        }
        stage.canvas.disc((x, y), size, foam, 0.6 * (1.0 - rise * 0.45));
    }
}

pub(super) fn beach(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("beach");
    let horizon = h * 0.46;
    let light = sky::paint(stage, horizon);
    water::sea(stage, horizon);
    water::glitter(stage, light, (horizon + 1.0, h * 0.7), 0.08);
    let isle = land::hills(stage, "isle", horizon + unit * 0.015, unit * 0.05, unit * 0.25);
    let isle: Vec<f32> = isle
        .iter()
        .enumerate()
        .map(|(x, y)| {
            if to_f32(x) < w * 0.5 && light.0 > w * 0.5 || to_f32(x) > w * 0.62 && light.0 < w * 0.5 {
                y.min(horizon + 1.0)
            } else {
                horizon + 1.0
            }
        })
        .collect();
    let tone = stage.far([86, 116, 104], 0.5);
    for (x, top) in isle.iter().enumerate() {
        Path::rect(to_f32(x), *top, 1.0, horizon + 1.0 - top).fill(stage.canvas, Paint::Flat(tone), 1.0);
    }
    let seed = dice.next();
    let line = |shift: f32| -> Vec<f32> {
        (0..stage.canvas.width())
            .map(|x| {
                let along = to_f32(x) / w;
                h * 0.7
                    + shift
                    + unit * 0.06 * wave(along * 0.6 + 0.1)
                    + unit * 0.02 * (rough1(along * 5.0, 3, seed) - 0.5)
            })
            .collect()
    };
    let (wet_line, foam_line, dry_line) = (line(0.0), line(unit * 0.012), line(unit * 0.06));
    let sand = stage.brief.colour_of(Part::Land).unwrap_or([236, 212, 168]);
    let foam = stage.near([250, 252, 252]);
    let wet = mix(stage.near(shade(sand, 0.72)), stage.light.sky[2], 0.25);
    stage.canvas.ridge(&wet_line, foam, foam, unit * 0.01);
    stage.canvas.ridge(&foam_line, wet, stage.near(sand), unit * 0.09);
    stage.canvas.ridge(
        &dry_line,
        stage.near(mix(sand, [255, 250, 230], 0.3)),
        stage.near(shade(sand, 0.86)),
        unit * 0.3,
    );
    for _ in 0..500_u16 {
        let place = (dice.unit() * w, h * dice.range(0.8, 1.0));
        stage.canvas.disc(place, unit * dice.range(0.0008, 0.002), stage.near(shade(sand, dice.range(0.7, 1.12))), 0.7);
    }
    let side = if light.0 < w * 0.5 { 1.0 } else { -1.0 };
    for (off, tall) in [(0.36, 0.74), (0.44, 0.56)] {
        let foot = (w * 0.5 + side * (w * 0.5 - unit * 0.5 + off * unit), h * 0.9);
        plants::palm(stage, foot, unit * tall, &mut dice);
    }
    if stage.brief.has(Subject::Boat) {
        buildings::boat(stage, (w * 0.5 - side * unit * 0.2, h * 0.58), unit * 0.12);
    }
}

/// Camels in a row along the crest at `y`.
pub(super) fn caravan(stage: &mut Stage, y: f32) {
    let (w, _, unit) = stage.measures();
    let mut dice = stage.dice("caravan");
    let colour = stage.far([74, 50, 40], 0.2);
    let start = w * dice.range(0.3, 0.45);
    for index in 0..4_u8 {
        let size = unit * dice.range(0.055, 0.065);
        let (x, foot) = (start + f32::from(index) * unit * 0.1, y + dice.range(-0.004, 0.004) * unit);
        let at = |dx: f32, dy: f32| (x + dx * size, foot + dy * size);
        let (a, b) = (at(-0.55, -0.62), at(0.6, -0.6));
        Path::at(a.0, a.1)
            .curve(at(-0.4, -0.75), at(-0.2, -0.8), at(-0.08, -1.12))
            .curve(at(0.02, -1.2), at(0.1, -1.1), at(0.18, -0.85))
            .curve(at(0.35, -0.8), at(0.5, -0.75), b)
            .curve(at(0.62, -0.4), at(0.3, -0.36), at(0.0, -0.38))
            .curve(at(-0.3, -0.36), at(-0.5, -0.4), a)
            .fill(stage.canvas, Paint::Flat(colour), 1.0);
        for leg in [-0.42, -0.3, 0.36, 0.48] {
            stage.canvas.line(
                at(leg, -0.5),
                at(leg + dice.range(-0.06, 0.06), 0.0),
                (size * 0.1, size * 0.06),
                colour,
                1.0,
            );
        }
        stage.canvas.line(at(-0.5, -0.58), at(-0.82, -0.82), (size * 0.18, size * 0.12), colour, 1.0);
        stage.canvas.line(at(-0.82, -0.82), at(-0.88, -1.12), (size * 0.13, size * 0.1), colour, 1.0);
        stage.canvas.line(at(-0.87, -1.12), at(-1.08, -1.08), (size * 0.14, size * 0.08), colour, 1.0);
    }
}
