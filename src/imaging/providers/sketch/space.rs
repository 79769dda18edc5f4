//! Space: clouds of gas, stars, planets and a rocket.

use super::brief::Subject;
use super::chance::{Dice, NoiseField, rough1, rough2, smooth, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix, shade};
use super::path::{Paint, Path, Point};
use super::sky;
use super::stage::Stage;

const GASES: [[Rgb; 3]; 4] = [
    [[150, 60, 160], [60, 90, 200], [240, 130, 120]],
    [[40, 130, 160], [110, 60, 170], [120, 210, 190]],
    [[200, 80, 70], [90, 50, 140], [250, 190, 110]],
    [[60, 110, 210], [170, 80, 190], [230, 200, 240]],
];
const PLANETS: [[Rgb; 3]; 5] = [
    [[222, 178, 130], [172, 118, 84], [244, 222, 186]],
    [[92, 150, 196], [46, 92, 150], [214, 232, 240]],
    [[196, 106, 76], [132, 62, 50], [230, 160, 116]],
    [[150, 130, 190], [98, 80, 148], [212, 200, 232]],
    [[110, 168, 146], [60, 112, 104], [206, 228, 206]],
];

pub(super) fn paint(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("space");
    stage.canvas.gradient(0.0, h, &[[6, 7, 20], [14, 13, 36], [8, 9, 24]]);
    let [first, ..] = GASES;
    let mut gases = dice.pick(&GASES, first);
    for (gas, accent) in gases.iter_mut().zip(&stage.brief.accents) {
        *gas = *accent;
    }
    let tilt = dice.range(-0.5, 0.5);
    for (index, gas) in gases.into_iter().enumerate() {
        let seed = dice.next();
        let shift = dice.range(-0.16, 0.16) * h;
        let field = NoiseField::new(w, h, (unit / 90.0).max(2.0), |x, y| {
            // Gas gathers in a band across the picture.
            let off = (y - h * 0.5 - shift - (x - w * 0.5) * tilt) / (unit * 0.42);
            let warp = rough2(x / (unit * 0.5) + 7.0, y / (unit * 0.5), 2, seed ^ 1) * 1.6;
            let value = rough2(x / (unit * 0.34) + warp, y / (unit * 0.34) + warp, 5, seed);
            smooth(0.42, 0.82, value) * (1.0 - off * off * 0.5).clamp(0.0, 1.0)
        });
        stage.canvas.fog(&field, (0.0, h), gas, 0.85 - 0.15 * to_f32(index));
    }
    sky::stars(stage, h, 1.5);
    let [plain, ..] = PLANETS;
    let place = (w * dice.range(0.3, 0.7), h * dice.range(0.42, 0.62));
    let size = unit * dice.range(0.2, 0.27);
    let has_ring = dice.is_lucky(0.6);
    planet(stage, place, size, dice.pick(&PLANETS, plain), has_ring, &mut dice);
    let side = if place.0 > w * 0.5 { -1.0 } else { 1.0 };
    let moon = (place.0 + side * unit * dice.range(0.34, 0.42), place.1 - unit * dice.range(0.16, 0.28));
    planet(stage, moon, size * dice.range(0.18, 0.3), dice.pick(&PLANETS, plain), false, &mut dice);
    if stage.brief.has(Subject::Rocket) {
        rocket(stage, (w * 0.5 - side * unit * 0.3, h * 0.5 + unit * 0.24), unit * 0.2);
    }
}

fn planet(stage: &mut Stage, place: Point, radius: f32, colours: [Rgb; 3], has_ring: bool, dice: &mut Dice) {
    let seed = dice.next();
    let [plain, dark, light] = colours;
    stage.canvas.glow(place, radius * 1.35, mix(plain, [255, 255, 255], 0.3), 0.35);
    if has_ring {
        ring(stage, place, radius, colours, seed, false);
    }
    let bands: Vec<Rgb> = (0..=96_u8)
        .map(|step| {
            let value = rough1(f32::from(step) / 9.0, 3, seed);
            mix(mix(dark, plain, smooth(0.25, 0.55, value)), light, smooth(0.55, 0.85, value))
        })
        .collect();
    let (left, right) = (to_count(place.0 - radius - 1.0), to_count(place.0 + radius + 2.0));
    for y in to_count(place.1 - radius - 1.0)..to_count(place.1 + radius + 2.0) {
        let dy = (to_f32(y) + 0.5 - place.1) / radius;
        let swirl = rough1(dy * 6.0, 2, seed ^ 3) * 8.0;
        for (x, pixel) in stage.canvas.span(y, left, right).iter_mut().enumerate() {
            let dx = (to_f32(x + left) + 0.5 - place.0) / radius;
            let square = dx * dx + dy * dy;
            let edge = (1.0 - square.sqrt()) * radius + 0.5;
            if edge <= 0.0 {
                continue;
            }
            let z = (1.0 - square).max(0.0).sqrt();
            let light = (z * 0.55 - dx * 0.6 - dy * 0.5).max(0.0);
            let band = (dy + 0.14 * dx * dx) * 42.0 + 48.0 + swirl + 1.5 * wave(dx * 1.3 + dy * 2.0);
            let colour = bands.get(to_count(band.clamp(0.0, 96.0))).copied().unwrap_or(plain);
            let colour = mix(shade(colour, 0.07 + 1.05 * light.min(1.0)), [210, 226, 255], (1.0 - z) * light * 0.35);
            blend(pixel, colour, alpha(edge.min(1.0)));
        }
    }
    if has_ring {
        ring(stage, place, radius, colours, seed, true);
    }
}

/// One half of a planet's ring: the far one is painted before the planet, the near one after it.
fn ring(stage: &mut Stage, place: Point, radius: f32, [_, dark, light]: [Rgb; 3], seed: u64, is_near: bool) {
    let (tilt_sine, tilt_cosine) = (wave(-0.045), wave(0.205));
    let count = 60_u8;
    for step in 0..40_u8 {
        let t = f32::from(step) / 40.0;
        let strength = smooth(0.25, 0.6, rough1(t * 9.0, 2, seed ^ 9)) * 0.75;
        let out = radius * (1.35 + 0.75 * t);
        let colour = mix(dark, light, rough1(t * 14.0, 2, seed ^ 5));
        let mut last: Option<Point> = None;
        for piece in 0..=count {
            let turn = if is_near { 0.0 } else { 0.5 } + 0.5 * f32::from(piece) / f32::from(count);
            let (a, b) = (wave(turn + 0.25) * out, wave(turn) * out * 0.26);
            let next = (place.0 + a * tilt_cosine - b * tilt_sine, place.1 + a * tilt_sine + b * tilt_cosine);
            if let Some(from) = last {
                let wide = radius * 0.022;
                stage.canvas.line(from, next, (wide, wide), colour, strength);
            }
            last = Some(next);
        }
    }
}

fn rocket(stage: &mut Stage, place: Point, size: f32) {
    let (x, y) = place;
    for (colour, reach, wide) in
        [([255, 150, 60], 0.75, 0.16), ([255, 214, 110], 0.55, 0.11), ([255, 250, 220], 0.34, 0.06)]
    {
        Path::at(x - size * wide, y + size * 0.48)
            .curve(
                (x - size * wide, y + size * (0.5 + reach * 0.4)),
                (x, y + size * (0.4 + reach * 0.7)),
                (x, y + size * (0.5 + reach)),
            )
            .curve(
                (x, y + size * (0.4 + reach * 0.7)),
                (x + size * wide, y + size * (0.5 + reach * 0.4)),
                (x + size * wide, y + size * 0.48),
            )
            .fill(stage.canvas, Paint::Flat(colour), 0.9);
    }
    stage.canvas.glow((x, y + size * 0.7), size * 0.6, [255, 190, 110], 0.5);
    let red = [206, 66, 58];
    for side in [-1.0, 1.0] {
        Path::at(x + side * size * 0.16, y + size * 0.12)
            .curve(
                (x + side * size * 0.34, y + size * 0.2),
                (x + side * size * 0.36, y + size * 0.4),
                (x + side * size * 0.34, y + size * 0.6),
            )
            .to(x + side * size * 0.12, y + size * 0.46)
            .fill(stage.canvas, Paint::Down(red, shade(red, 0.55)), 1.0);
    }
    Path::at(x, y - size * 0.7)
        .curve((x + size * 0.2, y - size * 0.5), (x + size * 0.27, y - size * 0.05), (x + size * 0.15, y + size * 0.5))
        .to(x - size * 0.15, y + size * 0.5)
        .curve((x - size * 0.27, y - size * 0.05), (x - size * 0.2, y - size * 0.5), (x, y - size * 0.7))
        .fill(stage.canvas, Paint::Across([246, 244, 240], [150, 152, 166]), 1.0);
    Path::at(x, y - size * 0.7)
        .curve(
            (x + size * 0.1, y - size * 0.6),
            (x + size * 0.15, y - size * 0.48),
            (x + size * 0.175, y - size * 0.38),
        )
        .to(x - size * 0.175, y - size * 0.38)
        .curve((x - size * 0.15, y - size * 0.48), (x - size * 0.1, y - size * 0.6), (x, y - size * 0.7))
        .fill(stage.canvas, Paint::Across(red, shade(red, 0.6)), 1.0);
    stage.canvas.disc((x, y - size * 0.12), size * 0.1, [120, 126, 140], 1.0);
    stage.canvas.disc((x, y - size * 0.12), size * 0.075, [116, 196, 222], 1.0);
    stage.canvas.disc((x - size * 0.02, y - size * 0.145), size * 0.025, [236, 250, 255], 1.0);
}
