//! A window seat: the world outside, a wall around it, and somebody on the sill.

use super::brief::{Part, Subject};
use super::chance::{Dice, wave};
use super::colour::{Rgb, mix, shade};
use super::path::{Paint, Path};
use super::stage::Stage;
use super::{animals, flowers, land, plants, sky};

const WALLS: [Rgb; 5] = [[206, 186, 164], [164, 182, 176], [196, 160, 146], [150, 164, 188], [214, 196, 148]];

/// The window: left, right, top, and the sill at its foot.
type Frame = (f32, f32, f32, f32);

pub(super) fn paint(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("room");
    view(stage, &mut dice);
    let half = unit * 0.36;
    let frame = (w * 0.5 - half, w * 0.5 + half, h * 0.5 - unit * 0.42, h * 0.5 + unit * 0.22);
    wall(stage, frame, &mut dice);
    bars(stage, frame);
    curtains(stage, frame, &mut dice);
    let (left, right, _, sill) = frame;
    let (white, wood) = (inside(stage, [246, 242, 232]), inside(stage, [168, 122, 84]));
    let board = Path::rect(left - unit * 0.07, sill, right - left + unit * 0.14, unit * 0.035);
    board.fill(stage.canvas, Paint::Down(mix(wood, white, 0.35), wood), 1.0);
    let edge = Path::rect(left - unit * 0.06, sill + unit * 0.035, right - left + unit * 0.12, unit * 0.016);
    edge.fill(stage.canvas, Paint::Flat(shade(wood, 0.6)), 1.0);
    pot(stage, (left + unit * 0.085, sill + unit * 0.012), unit * 0.1, &mut dice);
    let foot = (w * 0.5 + unit * 0.05, sill + unit * 0.02);
    match (stage.brief.has(Subject::Cat), stage.brief.has(Subject::Dog)) {
        (true, true) => {
            animals::dog(stage, (foot.0 - unit * 0.12, foot.1), unit * 0.44);
            animals::cat(stage, (foot.0 + unit * 0.19, foot.1), unit * 0.36);
        }
        (true, false) => animals::cat(stage, foot, unit * 0.46),
        (false, true) => animals::dog(stage, foot, unit * 0.44),
        (false, false) => {}
    }
}

/// A colour as it looks indoors: never quite as dark as outside, for a lamp is on somewhere.
fn inside(stage: &Stage, colour: Rgb) -> Rgb {
    mix(stage.near(colour), colour, 0.33)
}

/// What is seen through the window; the wall is painted around it later.
fn view(stage: &mut Stage, dice: &mut Dice) {
    let (w, h, unit) = stage.measures();
    sky::paint(stage, h * 0.62);
    for (part, base, swing, colour, distance) in
        [("far", 0.5, 0.05, [118, 150, 128], 0.55), ("near", 0.58, 0.04, [104, 146, 84], 0.2)]
    {
        let hills = land::hills(stage, part, h * base, unit * swing, unit * 0.5);
        land::paint_hills(stage, &hills, colour, distance);
    }
    let leaf = plants::leaf(stage, dice);
    plants::tree(stage, (w * 0.5 + unit * 0.24, h * 0.63), unit * 0.26, leaf, 0.15, dice);
}

fn wall(stage: &mut Stage, frame: Frame, dice: &mut Dice) {
    let (left, right, top, sill) = frame;
    let (w, h, _) = stage.measures();
    let plain = dice.pick(&WALLS, [206, 186, 164]);
    let wall = stage.brief.colour_of(Part::Wall).map_or(plain, |colour| mix(colour, plain, 0.25));
    let (bright, dim) = (inside(stage, wall), inside(stage, shade(wall, 0.72)));
    for (x, y, wide, tall) in [
        (-1.0, -1.0, left + 1.0, h + 2.0),
        (right, -1.0, w - right + 1.0, h + 2.0),
        (left - 1.0, -1.0, right - left + 2.0, top + 1.0),
        (left - 1.0, sill, right - left + 2.0, h - sill + 1.0),
    ] {
        Path::rect(x, y, wide, tall).fill(stage.canvas, Paint::Flat(bright), 1.0);
    }
    stage.canvas.veil(sill, h, dim, (0.2, 0.85));
    wallpaper(stage, frame, mix(bright, dim, 0.45));
}

/// The window's frame and its cross.
fn bars(stage: &mut Stage, (left, right, top, sill): Frame) {
    let (w, _, unit) = stage.measures();
    let (white, cream) = (inside(stage, [246, 242, 232]), inside(stage, [214, 206, 192]));
    let bar = unit * 0.022;
    for (x, y, wide, tall) in [
        (left - bar, top - bar, right - left + bar * 2.0, bar),
        (left - bar, top - bar, bar, sill - top + bar),
        (right, top - bar, bar, sill - top + bar),
        (w * 0.5 - bar * 0.4, top, bar * 0.8, sill - top),
        (left, top + (sill - top) * 0.34, right - left, bar * 0.7),
    ] {
        Path::rect(x, y, wide, tall).fill(stage.canvas, Paint::Down(white, cream), 1.0);
    }
}

/// Faint stripes on the wall.
fn wallpaper(stage: &mut Stage, (left, right, top, sill): Frame, colour: Rgb) {
    let (w, h, unit) = stage.measures();
    let step = unit * 0.06;
    let mut x = step * 0.5;
    while x < w {
        let is_beside = x < left - unit * 0.02 || x > right + unit * 0.02;
        let pieces: &[(f32, f32)] =
            if is_beside { &[(0.0, h)] } else { &[(0.0, top - unit * 0.02), (sill + unit * 0.05, h)] };
        for (from, to) in pieces {
            if to > from {
                Path::rect(x, *from, step * 0.45, to - from).fill(stage.canvas, Paint::Flat(colour), 0.22);
            }
        }
        x += step;
    }
}

fn curtains(stage: &mut Stage, (left, right, top, sill): Frame, dice: &mut Dice) {
    let (_, _, unit) = stage.measures();
    let plain = stage.brief.accents.first().copied().unwrap_or_else(|| {
        dice.pick(&[[186, 92, 84], [92, 122, 150], [222, 196, 140], [120, 146, 112]], [186, 92, 84])
    });
    let cloth = mix(stage.near(plain), plain, 0.3);
    let rod = top - unit * 0.06;
    stage.canvas.line(
        (left - unit * 0.16, rod),
        (right + unit * 0.16, rod),
        (unit * 0.014, unit * 0.014),
        shade(cloth, 0.4),
        1.0,
    );
    for side in [-1.0, 1.0] {
        let outer = if side < 0.0 { left - unit * 0.13 } else { right + unit * 0.13 };
        let folds = 6_u8;
        for fold in 0..folds {
            let t = f32::from(fold) / f32::from(folds);
            let wide = unit * 0.2 / f32::from(folds);
            // The cloth is gathered in the middle and falls wider below.
            let x = |gather: f32, shift: f32| outer - side * (unit * 0.2 * t * gather + wide * gather * shift);
            let (waist, foot) = (sill - (sill - top) * 0.3, sill + unit * 0.16);
            let tone = shade(cloth, 0.86 + 0.26 * wave(t * 2.5));
            Path::at(x(1.0, 0.0), rod)
                .to(x(1.0, 1.1), rod)
                .curve((x(0.9, 1.1), waist - unit * 0.15), (x(0.5, 1.1), waist - unit * 0.06), (x(0.42, 1.1), waist))
                .curve((x(0.45, 1.1), waist + unit * 0.1), (x(0.6, 1.1), foot - unit * 0.1), (x(0.66, 1.1), foot))
                .to(x(0.66, 0.0), foot)
                .curve((x(0.6, 0.0), foot - unit * 0.1), (x(0.45, 0.0), waist + unit * 0.1), (x(0.42, 0.0), waist))
                .curve((x(0.5, 0.0), waist - unit * 0.06), (x(0.9, 0.0), waist - unit * 0.15), (x(1.0, 0.0), rod))
                .fill(stage.canvas, Paint::Across(tone, shade(tone, 0.82)), 1.0);
        }
        let tie = outer - side * unit * 0.045;
        let waist = sill - (sill - top) * 0.3;
        stage.canvas.line(
            (tie - unit * 0.05, waist),
            (tie + unit * 0.05, waist),
            (unit * 0.016, unit * 0.016),
            shade(cloth, 0.55),
            1.0,
        );
    }
}

/// A flower pot.
fn pot(stage: &mut Stage, foot: (f32, f32), size: f32, dice: &mut Dice) {
    let (x, y) = foot;
    let (lit, dark) = (stage.near([206, 122, 86]), stage.near([126, 66, 48]));
    let leaf = plants::leaf(stage, dice);
    for index in 0..14_u8 {
        let side = (f32::from(index) - 6.5) / 6.5;
        let tip = (x + side * size * 0.95, y - size * dice.range(1.2, 2.1));
        let colour = stage.near(shade(leaf, dice.range(0.6, 1.2)));
        Path::at(x - size * 0.06, y - size * 0.8)
            .curve((x + side * size * 0.2, y - size * 1.4), (tip.0 - side * size * 0.3, tip.1), tip)
            .curve(
                (tip.0 - side * size * 0.1, tip.1 + size * 0.35),
                (x + side * size * 0.35, y - size),
                (x + size * 0.06, y - size * 0.8),
            )
            .fill(stage.canvas, Paint::Flat(colour), 1.0);
    }
    let colours = flowers::colours(stage, dice);
    for index in 0..5_u8 {
        let place = (x + size * (f32::from(index) - 2.0) * 0.32, y - size * dice.range(1.5, 2.2));
        let [first, ..] = colours;
        flowers::flower(stage, place, size * 0.17, dice.pick(&colours, first), 0.0, dice);
    }
    Path::from(&[
        (x - size * 0.45, y - size * 0.85),
        (x + size * 0.45, y - size * 0.85),
        (x + size * 0.33, y),
        (x - size * 0.33, y),
    ])
    .fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    Path::rect(x - size * 0.52, y - size * 0.95, size * 1.04, size * 0.2).fill(
        stage.canvas,
        Paint::Across(lit, dark),
        1.0,
    );
}
