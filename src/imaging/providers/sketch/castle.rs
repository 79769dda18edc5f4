//! A castle, and a city at the horizon.

use super::brief::{Hour, Part};
use super::chance::{Dice, to_count, to_f32};
use super::colour::{Rgb, mix, shade};
use super::path::{Paint, Path, Point};
use super::stage::Stage;

/// A castle `wide` pixels across on `foot`.
pub(super) fn castle(stage: &mut Stage, foot: Point, wide: f32) {
    let stone = stage.brief.colour_of(Part::Wall).unwrap_or([176, 170, 164]);
    let (lit, dark) = (stage.far(stone, 0.12), stage.far(shade(stone, 0.52), 0.12));
    let roof = (stage.far([96, 88, 122], 0.1), stage.far([52, 46, 74], 0.1));
    let (x, y) = foot;
    Path::rect(x - wide * 0.4, y - wide * 0.26, wide * 0.8, wide * 0.34).fill(
        stage.canvas,
        Paint::Across(lit, dark),
        1.0,
    );
    for step in 0..9_u8 {
        let at = x - wide * 0.39 + wide * 0.089 * f32::from(step);
        Path::rect(at, y - wide * 0.3, wide * 0.05, wide * 0.05).fill(
            stage.canvas,
            Paint::Flat(mix(lit, dark, f32::from(step) / 9.0)),
            1.0,
        );
    }
    for (at, size, tall) in
        [(-0.12, 0.15, 0.62), (0.1, 0.12, 0.5), (-0.38, 0.15, 0.42), (0.38, 0.15, 0.46), (0.0, 0.2, 0.42)]
    {
        tower(stage, (x + wide * at, y + wide * 0.08), (wide * size, wide * tall), (lit, dark), roof);
    }
    let gate = stage.far([48, 40, 44], 0.1);
    Path::rect(x - wide * 0.05, y - wide * 0.08, wide * 0.1, wide * 0.16).fill(stage.canvas, Paint::Flat(gate), 1.0);
    Path::ellipse((x, y - wide * 0.08), wide * 0.05, wide * 0.05, 0.0).fill(stage.canvas, Paint::Flat(gate), 1.0);
}

fn tower(stage: &mut Stage, foot: Point, (wide, tall): (f32, f32), wall: (Rgb, Rgb), roof: (Rgb, Rgb)) {
    let (x, y) = foot;
    Path::rect(x - wide * 0.5, y - tall, wide, tall).fill(stage.canvas, Paint::Across(wall.0, wall.1), 1.0);
    Path::rect(x - wide * 0.58, y - tall, wide * 1.16, wide * 0.2).fill(
        stage.canvas,
        Paint::Across(wall.0, wall.1),
        1.0,
    );
    Path::from(&[(x - wide * 0.64, y - tall), (x, y - tall - wide * 1.7), (x + wide * 0.64, y - tall)]).fill(
        stage.canvas,
        Paint::Across(roof.0, roof.1),
        1.0,
    );
    let pane = if stage.light.is_dark { [255, 212, 128] } else { shade(wall.1, 0.5) };
    for up in [0.42, 0.72] {
        Path::ellipse((x, y - tall * up), wide * 0.07, wide * 0.15, 0.0).fill(stage.canvas, Paint::Flat(pane), 1.0);
    }
}

/// Rows of houses that grow towards the viewer, down to `ground`.
pub(super) fn skyline(stage: &mut Stage, ground: f32) {
    let (w, _, unit) = stage.measures();
    let mut dice = stage.dice("skyline");
    for layer in 0..4_u8 {
        let distance = 0.72 - 0.22 * f32::from(layer);
        let scale = 0.7 + 0.12 * f32::from(layer);
        let mut x = -unit * 0.05;
        while x < w {
            let wide = unit * dice.range(0.045, 0.11) * scale;
            let is_high = dice.is_lucky(0.22);
            let tall = unit
                * scale
                * if is_high { dice.range(0.36, 0.56) } else { dice.range(0.12, 0.32) }
                * (1.1 - 0.14 * f32::from(layer));
            house_block(stage, (x, ground), (wide, tall), distance.max(0.04), &mut dice);
            x += wide * dice.range(0.85, 1.15);
        }
    }
}

fn house_block(stage: &mut Stage, (x, ground): Point, (wide, tall): (f32, f32), distance: f32, dice: &mut Dice) {
    let plain = dice
        .pick(&[[124, 132, 150], [150, 140, 138], [110, 120, 142], [166, 154, 142], [98, 104, 122]], [124, 132, 150]);
    let wall = stage.brief.colour_of(Part::Wall).map_or(plain, |colour| mix(colour, plain, 0.35));
    let (lit, dark) = (stage.far(wall, distance), stage.far(shade(wall, 0.55), distance));
    let top = ground - tall;
    match dice.below(5) {
        0 => Path::from(&[(x, top), (x + wide * 0.5, top - wide * 0.5), (x + wide, top)]).fill(
            stage.canvas,
            Paint::Across(lit, dark),
            1.0,
        ),
        1 => {
            Path::rect(x + wide * 0.2, top - wide * 0.3, wide * 0.6, wide * 0.32).fill(
                stage.canvas,
                Paint::Across(lit, dark),
                1.0,
            );
            stage.canvas.line(
                (x + wide * 0.5, top),
                (x + wide * 0.5, top - wide * 0.9),
                (wide * 0.04, wide * 0.02),
                dark,
                1.0,
            );
        }
        _ => {}
    }
    Path::rect(x, top, wide, tall).fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    let is_late = stage.light.is_dark || stage.brief.hour == Hour::Sunset;
    let share = if stage.brief.hour == Hour::Night {
        0.5
    } else if is_late {
        0.28
    } else {
        0.0
    };
    let columns = to_count(wide / (stage.canvas.unit() * 0.0135)).clamp(2, 8);
    let step = wide / (to_f32(columns) + 0.4);
    let rows = to_count(tall / (step * 1.35));
    let accents = if stage.brief.vividness > 1.1 {
        [[110, 232, 240], [255, 120, 210], [255, 214, 132]]
    } else {
        [[255, 214, 132], [255, 232, 176], [214, 226, 244]]
    };
    for row in 0..rows {
        for column in 0..columns {
            let is_lit = dice.is_lucky(share);
            let pane = if is_lit {
                mix(dice.pick(&accents, [255, 214, 132]), stage.light.haze, distance * 0.5)
            } else {
                mix(shade(dark, 0.75), stage.light.sky[2], 0.14)
            };
            let place = (x + step * (0.45 + to_f32(column)), top + step * (0.5 + 1.35 * to_f32(row)));
            Path::rect(place.0, place.1, step * 0.5, step * 0.72).fill(
                stage.canvas,
                Paint::Flat(pane),
                if is_lit { 1.0 } else { 0.7 },
            );
        }
    }
}
