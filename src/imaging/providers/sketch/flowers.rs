//! Flowers, from a dot far away to petals close by.

use super::brief::Part;
use super::chance::{Dice, to_count, to_f32, wave};
use super::colour::{Rgb, mix, shade};
use super::path::{Paint, Path, Point};
use super::stage::Stage;

const SETS: [[Rgb; 4]; 5] = [
    [[240, 148, 178], [250, 214, 224], [214, 92, 140], [252, 240, 236]],
    [[248, 206, 88], [250, 236, 170], [238, 138, 70], [252, 246, 232]],
    [[168, 130, 214], [206, 182, 234], [120, 96, 196], [244, 238, 250]],
    [[228, 84, 76], [248, 156, 120], [250, 214, 120], [252, 244, 236]],
    [[120, 150, 226], [190, 206, 244], [240, 150, 190], [252, 250, 244]],
];

/// The colours of this picture's flowers.
pub(super) fn colours(stage: &Stage, dice: &mut Dice) -> [Rgb; 4] {
    let [first, ..] = SETS;
    let wanted = stage.brief.colour_of(Part::Flower).or(stage.brief.accents.first().copied());
    match wanted {
        Some(colour) => {
            [colour, mix(colour, [255, 255, 255], 0.45), shade(colour, 0.75), mix(colour, [255, 250, 230], 0.75)]
        }
        None => dice.pick(&SETS, first),
    }
}

/// A field of flowers on the rows from `top` down, except where `is_free` says no.
pub(super) fn field(stage: &mut Stage, part: &str, rows: (f32, f32), count: f32, is_free: impl Fn(f32, f32) -> bool) {
    let mut dice = stage.dice(part);
    let palette = colours(stage, &mut dice);
    let [first, ..] = palette;
    let (w, _, unit) = stage.measures();
    let total = to_count(count * w / unit);
    // Flowers grow in drifts of one colour.
    let drifts: Vec<(f32, Rgb)> = (0..14).map(|_| (dice.unit() * w, dice.pick(&palette, first))).collect();
    for index in 0..total {
        let depth = to_f32(index) / to_f32(total.max(1));
        let y = rows.0 + (rows.1 - rows.0) * depth * depth.sqrt();
        let x = dice.unit() * w;
        if !is_free(x, y) {
            dice.next();
            continue;
        }
        let nearest = drifts.iter().fold((f32::MAX, first), |best, (at, colour)| {
            let off = (x - at).abs();
            if off < best.0 { (off, *colour) } else { best }
        });
        let colour = if dice.is_lucky(0.8) { nearest.1 } else { dice.pick(&palette, first) };
        let size = unit * (0.0016 + 0.017 * depth * depth) * dice.range(0.7, 1.3);
        let colour = shade(colour, dice.range(0.85, 1.1));
        flower(stage, (x, y), size, colour, 0.3 * (1.0 - depth), &mut dice);
    }
}

/// One flower of radius `size`, on a stalk when it is close.
pub(super) fn flower(stage: &mut Stage, place: Point, size: f32, colour: Rgb, distance: f32, dice: &mut Dice) {
    let petal = stage.far(colour, distance);
    if size < 2.6 {
        stage.canvas.disc(place, size, petal, 0.95);
        return;
    }
    let (stalk, heart) = (stage.far([74, 116, 60], distance), stage.far([246, 206, 92], distance));
    let foot = (place.0 + dice.range(-0.6, 0.6) * size, place.1 + size * 4.2);
    stage.canvas.line(place, foot, (size * 0.2, size * 0.24), stalk, 1.0);
    let side = if dice.is_lucky(0.5) { 1.0 } else { -1.0 };
    let leaf = ((place.0 + foot.0) * 0.5 + side * size * 0.7, (place.1 + foot.1) * 0.5 + size * 0.2);
    Path::ellipse(leaf, size * 0.8, size * 0.26, -0.09 * side).fill(stage.canvas, Paint::Flat(stalk), 1.0);
    let start = dice.unit();
    let flat = dice.range(0.62, 0.95);
    let count = 5 + dice.below(3);
    for ring in [(1.0, 0.86), (0.62, 1.08)] {
        for index in 0..count {
            let turn = start + to_f32(index) / to_f32(count) + ring.0 * 0.08;
            let (dx, dy) = (wave(turn + 0.25), wave(turn) * flat);
            let middle = (place.0 + dx * size * 0.55 * ring.0, place.1 + dy * size * 0.55 * ring.0);
            let tone = shade(petal, ring.1 - 0.12 * dy);
            Path::ellipse(middle, size * 0.5 * ring.0, size * 0.33 * ring.0, turn).fill(
                stage.canvas,
                Paint::Flat(tone),
                1.0,
            );
        }
    }
    stage.canvas.disc(place, size * 0.22, heart, 1.0);
}

/// A butterfly.
pub(super) fn butterfly(stage: &mut Stage, place: Point, size: f32, colour: Rgb) {
    let (light, dark) = (stage.near(colour), stage.near(shade(colour, 0.45)));
    let (x, y) = place;
    for side in [-1.0, 1.0] {
        let wing = |rx: f32, ry: f32, dx: f32, dy: f32, turn: f32| {
            Path::ellipse((x + side * dx * size, y + dy * size), rx * size, ry * size, turn * side)
        };
        wing(0.56, 0.4, 0.5, -0.3, -0.12).fill(stage.canvas, Paint::Flat(dark), 1.0);
        wing(0.46, 0.3, 0.5, -0.3, -0.12).fill(stage.canvas, Paint::Flat(light), 1.0);
        wing(0.36, 0.3, 0.36, 0.32, 0.1).fill(stage.canvas, Paint::Flat(dark), 1.0);
        wing(0.27, 0.21, 0.37, 0.32, 0.1).fill(stage.canvas, Paint::Flat(light), 1.0);
        stage.canvas.disc((x + side * size * 0.62, y - size * 0.34), size * 0.09, dark, 1.0);
        let tip = (x + side * size * 0.24, y - size * 0.74);
        stage.canvas.line((x, y - size * 0.4), tip, (size * 0.05, size * 0.03), dark, 1.0);
    }
    stage.canvas.line((x, y - size * 0.4), (x, y + size * 0.42), (size * 0.13, size * 0.09), dark, 1.0);
}
