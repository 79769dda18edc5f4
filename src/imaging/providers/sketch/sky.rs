//! Everything above the horizon: colours of the air, sun, moon and stars, clouds, and what falls from them.

use super::brief::{Hour, Subject, Weather};
use super::chance::{Dice, NoiseField, rough2, smooth, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix, scale};
use super::path::{Paint, Path, Point};
use super::stage::Stage;

/// Paints the sky down to `horizon` and answers where its light stands.
pub(super) fn paint(stage: &mut Stage, horizon: f32) -> Point {
    let (w, h, unit) = stage.measures();
    let sky = stage.light.sky;
    stage.canvas.gradient(0.0, horizon + 2.0, &sky);
    stage.canvas.gradient(horizon, h, &[sky[3], sky[3]]);
    let mut dice = stage.dice("sky");
    let side = if dice.is_lucky(0.5) { dice.range(0.16, 0.36) } else { dice.range(0.64, 0.84) };
    let height = match stage.brief.hour {
        Hour::Sunset => dice.range(0.8, 0.9),
        Hour::Dawn => dice.range(0.6, 0.75),
        Hour::Day => dice.range(0.2, 0.35),
        Hour::Night => dice.range(0.22, 0.4),
    };
    let place = (w * side, horizon * height);
    let is_open = matches!(stage.brief.weather, Weather::Clear | Weather::Cloudy | Weather::Snow);
    if stage.brief.hour == Hour::Night && is_open {
        stars(stage, horizon, 1.0);
    }
    match stage.brief.weather {
        Weather::Storm | Weather::Rain => stage.canvas.glow(place, unit * 0.5, stage.light.clouds.0, 0.35),
        _ => luminary(stage, place),
    }
    if stage.brief.has(Subject::Rainbow) {
        rainbow(stage, horizon);
    }
    clouds(stage, horizon);
    place
}

fn luminary(stage: &mut Stage, place: Point) {
    let (_, _, unit) = stage.measures();
    let source = stage.light.source;
    let sky_low = stage.light.sky[3];
    let dim = if stage.brief.weather == Weather::Mist { 0.5 } else { 1.0 };
    let (radius, reach) = match stage.brief.hour {
        Hour::Sunset => (0.075, 0.75),
        Hour::Dawn => (0.05, 0.55),
        Hour::Day => (0.04, 0.4),
        Hour::Night => (0.05, 0.34),
    };
    stage.canvas.glow(place, unit * reach, mix(source, sky_low, 0.5), 0.55 * dim);
    stage.canvas.glow(place, unit * reach * 0.4, source, 0.5 * dim);
    stage.canvas.disc(place, unit * radius, source, dim);
    if stage.brief.hour == Hour::Night {
        let mut dice = stage.dice("moon");
        let shadow = mix(source, [120, 124, 150], 0.4);
        for _ in 0..7 {
            let (turn, out) = (dice.unit(), dice.range(0.0, 0.62) * unit * radius);
            let spot = (place.0 + wave(turn) * out, place.1 + wave(turn + 0.25) * out);
            let size = unit * radius * dice.range(0.08, 0.26);
            stage.canvas.glow(spot, size * 1.5, shadow, 0.8);
        }
    }
}

pub(super) fn stars(stage: &mut Stage, bottom: f32, density: f32) {
    let (w, _, unit) = stage.measures();
    let mut dice = stage.dice("stars");
    let count = to_count(w * bottom / (unit * unit) * 420.0 * density);
    for _ in 0..count {
        let depth = dice.unit();
        let place = (dice.unit() * w, depth * bottom);
        let colour: Rgb = dice.pick(&[[255, 255, 255], [214, 226, 255], [255, 236, 210]], [255; 3]);
        let fade = 1.0 - smooth(0.6, 1.0, depth) * 0.8;
        let strength = dice.range(0.25, 0.9) * fade;
        stage.canvas.disc(place, unit * dice.range(0.0004, 0.0014), colour, strength);
        if dice.is_lucky(0.05) {
            stage.canvas.glow(place, unit * 0.009, colour, strength * 0.8);
            stage.canvas.disc(place, unit * 0.0018, colour, strength);
        }
    }
}

fn clouds(stage: &mut Stage, horizon: f32) {
    let (w, _, unit) = stage.measures();
    let seed = stage.dice("clouds").next();
    let (cover, strength) = match stage.brief.weather {
        Weather::Clear => (0.6, 0.75),
        Weather::Cloudy | Weather::Snow => (0.47, 0.9),
        Weather::Mist => (0.5, 0.5),
        Weather::Rain => (0.36, 0.85),
        Weather::Storm => (0.36, 1.0),
    };
    let (bright, dark) = stage.light.clouds;
    let size = unit * if stage.brief.weather == Weather::Storm { 0.46 } else { 0.34 };
    let density = |x: f32, y: f32| {
        // Clouds get flatter and closer together towards the horizon.
        let depth = (y / horizon).clamp(0.0, 1.0);
        let flat = 1.6 + depth * depth * 4.0;
        let value = rough2(x / size, y * flat / size, 4, seed);
        smooth(cover, cover + 0.2, value) * (1.0 - smooth(0.8, 1.0, depth) * 0.7)
    };
    let cell = (unit / 110.0).max(2.0);
    let shade = NoiseField::new(w, horizon, cell, |x, y| density(x, y) * 0.9);
    let light = NoiseField::new(w, horizon, cell, |x, y| {
        let here = density(x, y);
        // The side that looks up is lit: there the cloud is thinner a little higher.
        here * (here - density(x - unit * 0.012, y - unit * 0.03) + 0.35).clamp(0.0, 1.0)
    });
    let base = if stage.brief.weather == Weather::Storm { 0.0 } else { 0.35 };
    stage.canvas.fog(&shade, (0.0, horizon), mix(dark, bright, base), strength);
    stage.canvas.fog(&light, (0.0, horizon), bright, strength);
}

fn rainbow(stage: &mut Stage, horizon: f32) {
    let (w, _, unit) = stage.measures();
    let colours: [Rgb; 6] =
        [[140, 90, 190], [80, 140, 220], [110, 190, 100], [246, 220, 90], [240, 150, 60], [226, 70, 70]];
    let (inner, outer) = (unit * 0.47, unit * 0.56);
    let centre = (w * 0.5, horizon * 1.05);
    for y in to_count(centre.1 - outer)..to_count(horizon) {
        let dy = to_f32(y) + 0.5 - centre.1;
        let (left, right) = (to_count(centre.0 - outer), to_count(centre.0 + outer) + 1);
        for (x, pixel) in stage.canvas.span(y, left, right).iter_mut().enumerate() {
            let dx = to_f32(x + left) + 0.5 - centre.0;
            let share = ((dx * dx + dy * dy).sqrt() - inner) / (outer - inner);
            if (0.0..1.0).contains(&share) {
                let strength = smooth(0.0, 0.2, share) * (1.0 - smooth(0.8, 1.0, share)) * 0.55;
                blend(pixel, scale(&colours, share), alpha(strength));
            }
        }
    }
}

/// What falls: rain or snow over the whole picture.
pub(super) fn falling(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("falling");
    let count = to_count(w * h / (unit * unit) * 420.0);
    let is_snow = match stage.brief.weather {
        Weather::Snow => true,
        Weather::Rain | Weather::Storm => false,
        Weather::Clear | Weather::Cloudy | Weather::Mist => return,
    };
    let colour = mix(stage.light.clouds.0, [255, 255, 255], if is_snow { 0.8 } else { 0.35 });
    let slant = if stage.brief.weather == Weather::Storm { 0.45 } else { 0.16 };
    for _ in 0..count {
        let place = (dice.range(-0.05, 1.05) * w, dice.range(-0.05, 1.0) * h);
        let depth = dice.unit();
        if is_snow {
            stage.canvas.disc(place, unit * (0.0012 + 0.004 * depth * depth), colour, 0.35 + 0.5 * depth);
        } else {
            let length = unit * (0.02 + 0.05 * depth);
            let end = (place.0 - length * slant, place.1 + length);
            let width = unit * (0.0008 + 0.0012 * depth);
            stage.canvas.line(place, end, (width, width), colour, 0.14 + 0.2 * depth);
        }
    }
}

/// A bolt from the clouds down to `ground`.
pub(super) fn lightning(stage: &mut Stage, x: f32, ground: f32) {
    let (_, _, unit) = stage.measures();
    let mut dice = stage.dice("lightning");
    stage.canvas.glow((x, ground * 0.3), unit * 0.55, [186, 200, 244], 0.55);
    let mut place = (x, ground * 0.06);
    while place.1 < ground {
        let next = (place.0 + dice.range(-0.03, 0.034) * unit, place.1 + dice.range(0.01, 0.042) * unit);
        stage.canvas.line(place, next, (unit * 0.011, unit * 0.011), [150, 170, 246], 0.22);
        stage.canvas.line(place, next, (unit * 0.0042, unit * 0.0036), [250, 250, 255], 1.0);
        if dice.is_lucky(0.16) {
            branch(stage, next, &mut dice);
        }
        place = next;
    }
}

fn branch(stage: &mut Stage, from: Point, dice: &mut Dice) {
    let (_, _, unit) = stage.measures();
    let side = if dice.is_lucky(0.5) { 1.0 } else { -1.0 };
    let mut place = from;
    for step in 0..4_u8 {
        let next = (place.0 + side * dice.range(0.01, 0.05) * unit, place.1 + dice.range(0.015, 0.045) * unit);
        let width = unit * (0.003 - 0.0006 * f32::from(step));
        stage.canvas.line(place, next, (width, width * 0.7), [226, 232, 255], 0.8);
        place = next;
    }
}

/// A few birds far away.
pub(super) fn birds(stage: &mut Stage, count: usize, band: (f32, f32)) {
    let (w, _, unit) = stage.measures();
    let mut dice = stage.dice("birds");
    let colour = stage.far([40, 42, 52], 0.15);
    let middle = (dice.range(0.3, 0.7) * w, dice.range(band.0, band.1));
    for index in 0..count {
        let spread = 0.05 + 0.03 * to_f32(index);
        let x = middle.0 + dice.range(-spread, spread) * w * 1.6;
        let y = middle.1 + dice.range(-spread, spread) * unit * 0.8;
        let span = unit * dice.range(0.012, 0.026);
        let lift = dice.range(0.25, 0.6) * span;
        let bird = Path::at(x - span, y - lift)
            .curve((x - span * 0.5, y - lift * 1.3), (x - span * 0.2, y - lift * 0.5), (x, y))
            .curve((x + span * 0.2, y - lift * 0.5), (x + span * 0.5, y - lift * 1.3), (x + span, y - lift))
            .curve((x + span * 0.5, y - lift * 0.9), (x + span * 0.2, y), (x, y + span * 0.2))
            .curve((x - span * 0.2, y), (x - span * 0.5, y - lift * 0.9), (x - span, y - lift));
        bird.fill(stage.canvas, Paint::Flat(colour), 0.9);
    }
}
