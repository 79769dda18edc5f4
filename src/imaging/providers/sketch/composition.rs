//! For prompts without a place: a composition of shapes, its colours and its manner drawn from the words.

use super::chance::{Dice, rough1, rough2, to_count, to_f32, wave};
use super::colour::{Rgb, mix, scale, shade};
use super::path::{Paint, Path};
use super::stage::Stage;

const PALETTES: [[Rgb; 5]; 8] = [
    [[245, 238, 220], [232, 120, 76], [240, 186, 92], [52, 96, 112], [28, 44, 62]],
    [[238, 240, 236], [86, 156, 150], [236, 174, 140], [198, 84, 92], [46, 52, 84]],
    [[250, 240, 230], [246, 150, 150], [176, 130, 190], [88, 104, 176], [38, 40, 82]],
    [[236, 242, 244], [120, 186, 212], [52, 122, 172], [246, 206, 110], [24, 50, 84]],
    [[244, 238, 226], [150, 176, 110], [70, 122, 92], [226, 168, 84], [44, 60, 54]],
    [[30, 30, 44], [226, 82, 92], [246, 166, 96], [108, 92, 178], [66, 190, 186]],
    [[248, 236, 232], [216, 96, 126], [244, 178, 104], [86, 152, 178], [74, 54, 92]],
    [[24, 34, 50], [60, 130, 150], [150, 210, 190], [244, 220, 150], [236, 120, 90]],
];

pub(super) fn paint(stage: &mut Stage) {
    let mut dice = stage.dice("composition");
    let [first, ..] = PALETTES;
    let mut palette = dice.pick(&PALETTES, first);
    for (colour, accent) in palette.iter_mut().skip(1).zip(&stage.brief.accents) {
        *colour = *accent;
    }
    for colour in &mut palette {
        *colour = super::colour::saturate(*colour, stage.brief.vividness);
    }
    match dice.below(3) {
        0 => bands(stage, palette, &mut dice),
        1 => discs(stage, palette, &mut dice),
        _ => currents(stage, palette, &mut dice),
    }
}

/// Bands that flow over each other, with the shadow of each on the next.
fn bands(stage: &mut Stage, palette: [Rgb; 5], dice: &mut Dice) {
    let (w, h, unit) = stage.measures();
    let [paper, a, b, c, d] = palette;
    stage.canvas.gradient(0.0, h, &[paper, mix(paper, a, 0.35)]);
    let sun = (w * dice.range(0.25, 0.75), h * dice.range(0.18, 0.34));
    let size = unit * dice.range(0.11, 0.17);
    stage.canvas.glow(sun, size * 2.6, mix(b, paper, 0.4), 0.5);
    stage.canvas.disc(sun, size, b, 1.0);
    let colours = [mix(paper, a, 0.6), a, b, mix(b, c, 0.5), c, mix(c, d, 0.5), d];
    for (index, colour) in colours.into_iter().enumerate() {
        let (seed, base) = (dice.next(), h * (0.3 + 0.1 * to_f32(index)));
        let length = w * dice.range(0.45, 0.9);
        let start = dice.unit();
        let heights: Vec<f32> = (0..stage.canvas.width())
            .map(|x| {
                base + h * 0.09 * wave(to_f32(x) / length + start)
                    + h * 0.1 * (rough1(to_f32(x) / (w * 0.4), 2, seed) - 0.5)
            })
            .collect();
        for step in 0..6_u8 {
            let up: Vec<f32> = heights.iter().map(|height| height - unit * 0.004 * f32::from(step)).collect();
            let rim: Vec<f32> = up;
            shadow_line(stage, &rim, shade(colour, 0.35), unit * 0.006);
        }
        stage.canvas.ridge(&heights, mix(colour, [255, 255, 255], 0.12), shade(colour, 0.82), h * 0.22);
    }
}

fn shadow_line(stage: &mut Stage, heights: &[f32], colour: Rgb, tall: f32) {
    for (x, height) in heights.iter().enumerate() {
        for step in 0..to_count(tall.max(1.0)) {
            if let [pixel] = stage.canvas.span(to_count(height.max(0.0)) + step, x, x + 1) {
                super::colour::blend(pixel, colour, 14);
            }
        }
    }
}

/// Circles, arcs and lines in balance.
fn discs(stage: &mut Stage, palette: [Rgb; 5], dice: &mut Dice) {
    let (w, h, unit) = stage.measures();
    let [paper, a, _, _, ink] = palette;
    stage.canvas.gradient(0.0, h, &[paper, mix(paper, a, 0.16)]);
    for _ in 0..9_u8 {
        let place = (dice.unit() * w, dice.unit() * h);
        stage.canvas.glow(place, unit * dice.range(0.2, 0.45), dice.pick(&palette, a), 0.22);
    }
    let middle = (w * dice.range(0.4, 0.6), h * dice.range(0.4, 0.6));
    for index in 0..26_u8 {
        let turn = f32::from(index) * 0.381_966;
        let out = unit * 0.075 * to_f32(usize::from(index) + 1).sqrt();
        let place = (middle.0 + wave(turn) * out * w / unit, middle.1 + wave(turn + 0.25) * out * h / unit);
        let size = unit * dice.range(0.025, 0.13) * (1.15 - f32::from(index) / 40.0);
        let colour = dice.pick(&palette, a);
        stage.canvas.disc((place.0 + size * 0.08, place.1 + size * 0.1), size, ink, 0.18);
        let paint = Paint::Down(mix(colour, [255, 255, 255], 0.2), shade(colour, 0.85));
        Path::ellipse(place, size, size, 0.0).fill(stage.canvas, paint, 0.86);
        if dice.is_lucky(0.4) {
            stage.canvas.disc(place, size * dice.range(0.3, 0.6), dice.pick(&palette, paper), 0.95);
        }
        if dice.is_lucky(0.3) {
            arc(stage, place, size * 1.25, dice.unit(), ink);
        }
    }
    for _ in 0..7_u8 {
        let from = (dice.unit() * w, dice.unit() * h);
        let to = (from.0 + dice.range(-0.4, 0.4) * w, from.1 + dice.range(-0.4, 0.4) * h);
        stage.canvas.line(from, to, (unit * 0.006, unit * 0.001), ink, 0.8);
    }
}

fn arc(stage: &mut Stage, place: (f32, f32), radius: f32, start: f32, colour: Rgb) {
    let unit = stage.canvas.unit();
    let at = |step: u8| {
        let turn = start + 0.4 * f32::from(step) / 20.0;
        (place.0 + wave(turn + 0.25) * radius, place.1 + wave(turn) * radius)
    };
    for step in 0..20_u8 {
        stage.canvas.line(at(step), at(step + 1), (unit * 0.004, unit * 0.004), colour, 0.9);
    }
}

/// Brush strokes that follow a current.
fn currents(stage: &mut Stage, palette: [Rgb; 5], dice: &mut Dice) {
    let (w, h, unit) = stage.measures();
    let [paper, a, b, c, d] = palette;
    stage.canvas.gradient(0.0, h, &[mix(paper, a, 0.3), paper, mix(paper, c, 0.3)]);
    let (seed, tint) = (dice.next(), dice.next());
    let inks = [d, c, a, b, mix(b, paper, 0.5), paper];
    for index in 0..1100_u16 {
        let (mut x, mut y) = (dice.range(-0.05, 1.05) * w, dice.range(-0.05, 1.05) * h);
        let progress = f32::from(index) / 1100.0;
        let wide = unit * (0.02 - 0.014 * progress) * dice.range(0.4, 1.2);
        let tone = (rough2(x / (unit * 0.6), y / (unit * 0.6), 2, tint) * 1.5 - 0.25 + dice.range(-0.14, 0.14))
            .clamp(0.0, 1.0);
        let colour = shade(scale(&inks, tone), dice.range(0.9, 1.1));
        for step in 0..9_u8 {
            let turn = rough2(x / (unit * 0.55), y / (unit * 0.55), 2, seed) * 2.2;
            let next = (x + wave(turn + 0.25) * unit * 0.022, y + wave(turn) * unit * 0.022);
            let taper = |step: f32| wide * (1.0 - (step / 4.5 - 1.0) * (step / 4.5 - 1.0)).max(0.05);
            stage.canvas.line((x, y), next, (taper(f32::from(step)), taper(f32::from(step) + 1.0)), colour, 0.85);
            (x, y) = next;
        }
    }
}
