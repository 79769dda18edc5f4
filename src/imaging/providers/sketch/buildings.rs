//! What people build: houses, a lighthouse, a castle, boats, a bridge, a balloon.

use super::brief::{Part, Weather};
use super::chance::{Dice, to_count, to_f32};
use super::colour::{Rgb, alpha, blend, mix, shade};
use super::path::{Paint, Path, Point};
use super::stage::Stage;

/// The colour of lamplight.
const LAMP: Rgb = [255, 216, 132];

/// The two colours of a thing's lit and shaded side.
fn sides(stage: &Stage, colour: Rgb) -> (Rgb, Rgb) {
    (stage.near(mix(colour, [255, 248, 226], 0.14)), stage.near(shade(colour, 0.56)))
}

fn pane(stage: &Stage) -> Rgb {
    if stage.light.is_dark { LAMP } else { mix(stage.light.sky[2], [58, 70, 88], 0.6) }
}

/// A cottage `wide` pixels across that stands on `foot`.
pub(super) fn house(stage: &mut Stage, foot: Point, wide: f32, dice: &mut Dice) {
    let (x, y) = foot;
    let wall = stage
        .brief
        .colour_of(Part::Wall)
        .unwrap_or_else(|| dice.pick(&[[240, 228, 206], [226, 206, 180], [222, 226, 222]], [240, 228, 206]));
    let has_snow = stage.brief.weather == Weather::Snow;
    let roof = if has_snow {
        [240, 244, 250]
    } else {
        dice.pick(&[[176, 78, 58], [124, 84, 70], [92, 104, 116]], [176, 78, 58])
    };
    let (lit, dark) = sides(stage, wall);
    let (roof_lit, roof_dark) = sides(stage, roof);
    let (left, right, eave) = (x - wide * 0.5, x + wide * 0.5, y - wide * 0.42);
    let chimney = stage.near([132, 92, 78]);
    Path::rect(x + wide * 0.2, eave - wide * 0.38, wide * 0.1, wide * 0.3).fill(
        stage.canvas,
        Paint::Across(chimney, shade(chimney, 0.6)),
        1.0,
    );
    Path::rect(left, eave, wide * 0.42, wide * 0.42).fill(stage.canvas, Paint::Across(lit, mix(lit, dark, 0.25)), 1.0);
    Path::from(&[(left, eave), (left + wide * 0.21, eave - wide * 0.32), (left + wide * 0.42, eave)]).fill(
        stage.canvas,
        Paint::Flat(lit),
        1.0,
    );
    Path::rect(left + wide * 0.42, eave, wide * 0.58, wide * 0.42).fill(
        stage.canvas,
        Paint::Across(mix(lit, dark, 0.55), dark),
        1.0,
    );
    Path::from(&[
        (left + wide * 0.21, eave - wide * 0.34),
        (right - wide * 0.2, eave - wide * 0.34),
        (right + wide * 0.05, eave + wide * 0.03),
        (left + wide * 0.44, eave + wide * 0.03),
    ])
    .fill(stage.canvas, Paint::Down(roof_lit, roof_dark), 1.0);
    let edge = (wide * 0.035, wide * 0.035);
    stage.canvas.line(
        (left - wide * 0.04, eave + wide * 0.04),
        (left + wide * 0.21, eave - wide * 0.34),
        edge,
        roof_dark,
        1.0,
    );
    let pane = pane(stage);
    let door = stage.near([96, 62, 48]);
    Path::rect(left + wide * 0.15, y - wide * 0.25, wide * 0.12, wide * 0.25).fill(
        stage.canvas,
        Paint::Flat(door),
        1.0,
    );
    for at in [0.52, 0.76] {
        window(stage, (left + wide * at, y - wide * 0.29), wide * 0.13, pane);
    }
    window(stage, (left + wide * 0.165, eave - wide * 0.12), wide * 0.09, pane);
}

fn window(stage: &mut Stage, (x, y): Point, size: f32, pane: Rgb) {
    let frame = stage.near([244, 240, 230]);
    Path::rect(x - size * 0.08, y - size * 0.08, size * 1.16, size * 1.16).fill(stage.canvas, Paint::Flat(frame), 1.0);
    Path::rect(x, y, size, size).fill(stage.canvas, Paint::Down(pane, shade(pane, 0.85)), 1.0);
    let bar = (size * 0.07, size * 0.07);
    stage.canvas.line((x + size * 0.5, y), (x + size * 0.5, y + size), bar, frame, 1.0);
    stage.canvas.line((x, y + size * 0.5), (x + size, y + size * 0.5), bar, frame, 1.0);
    if stage.light.is_dark {
        stage.canvas.glow((x + size * 0.5, y + size * 0.5), size * 1.8, pane, 0.35);
    }
}

/// A lighthouse `tall` pixels high; its lamp is lit in the dark. Answers where the lamp is.
pub(super) fn lighthouse(stage: &mut Stage, foot: Point, tall: f32) -> Point {
    let (x, y) = foot;
    let stripe = stage.brief.colour_of(Part::Subject).unwrap_or([196, 60, 52]);
    let top = y - tall * 0.78;
    let (low, high) = (tall * 0.13, tall * 0.082);
    for band in 0..5_u8 {
        let (a, b) = (f32::from(band) / 5.0, f32::from(band + 1) / 5.0);
        let reach = |t: f32| low + (high - low) * t;
        let height = |t: f32| y + (top - y) * t;
        let (lit, dark) = sides(stage, if band % 2 == 0 { [240, 236, 228] } else { stripe });
        Path::from(&[
            (x - reach(a), height(a)),
            (x - reach(b), height(b)),
            (x + reach(b), height(b)),
            (x + reach(a), height(a)),
        ])
        .fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    }
    let iron = sides(stage, [76, 80, 90]);
    for (up, size) in [(0.2, 0.03), (0.5, 0.026)] {
        let pane = Path::ellipse((x, y + (top - y) * up), tall * size * 0.6, tall * size, 0.0);
        pane.fill(stage.canvas, Paint::Flat(iron.1), 1.0);
    }
    lantern(stage, (x, top), tall, high, iron);
    let (lit, dark) = sides(stage, stripe);
    Path::at(x - high, top - tall * 0.115)
        .curve((x - high * 0.8, top - tall * 0.17), (x - high * 0.3, top - tall * 0.2), (x, top - tall * 0.21))
        .curve((x + high * 0.3, top - tall * 0.2), (x + high * 0.8, top - tall * 0.17), (x + high, top - tall * 0.115))
        .fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    stage.canvas.line((x, top - tall * 0.2), (x, top - tall * 0.25), (tall * 0.008, tall * 0.004), iron.1, 1.0);
    (x, top - tall * 0.07)
}

/// The gallery and the glass around the lamp of a lighthouse `tall` pixels high, whose tower ends at `end`.
fn lantern(stage: &mut Stage, end: Point, tall: f32, reach: f32, iron: (Rgb, Rgb)) {
    let (x, top) = end;
    let floor = Path::rect(x - reach * 1.5, top - tall * 0.018, reach * 3.0, tall * 0.024);
    floor.fill(stage.canvas, Paint::Across(iron.0, iron.1), 1.0);
    let thin = (tall * 0.006, tall * 0.006);
    let rail = top - tall * 0.06;
    for post in [-1.4, -0.7, 0.0, 0.7, 1.4] {
        stage.canvas.line((x + post * reach, top), (x + post * reach, rail), thin, iron.1, 1.0);
    }
    stage.canvas.line((x - reach * 1.45, rail), (x + reach * 1.45, rail), thin, iron.1, 1.0);
    let glass = if stage.light.is_dark { [255, 240, 190] } else { stage.near([176, 208, 220]) };
    let house = Path::rect(x - reach * 0.7, top - tall * 0.12, reach * 1.4, tall * 0.105);
    house.fill(stage.canvas, Paint::Flat(glass), 1.0);
    for bar in [-0.7, 0.0, 0.7] {
        let (low, high) = ((x + bar * reach, top - tall * 0.02), (x + bar * reach, top - tall * 0.12));
        stage.canvas.line(low, high, thin, iron.1, 0.9);
    }
}

/// The beams of a lit lamp, to both sides: bright at the lamp and in the middle, fading outwards.
pub(super) fn beams(stage: &mut Stage, lamp: Point) {
    let (w, h, unit) = stage.measures();
    let colour = [255, 238, 186];
    let reach = w * 0.95;
    for (side, rise) in [(-1.0, -0.07), (1.0, -0.12)] {
        for y in 0..stage.canvas.height() {
            let dy = to_f32(y) - lamp.1;
            if dy.abs() > h * 0.3 {
                continue;
            }
            let (from, to) = if side < 0.0 { (0, to_count(lamp.0)) } else { (to_count(lamp.0), stage.canvas.width()) };
            let mut along = (to_f32(from) - lamp.0) * side;
            for pixel in stage.canvas.span(y, from, to) {
                let half = unit * 0.012 + along * 0.085;
                let off = (dy - along * rise) / half;
                let rest = 1.0 - off * off;
                if rest > 0.0 {
                    let fade = (1.0 - along / reach).max(0.0);
                    blend(pixel, colour, alpha(rest * fade * 0.5));
                }
                along += side;
            }
        }
    }
    stage.canvas.glow(lamp, unit * 0.13, colour, 0.6);
    stage.canvas.glow(lamp, unit * 0.04, [255, 255, 240], 0.9);
}

/// A sailing boat whose waterline is at `place`.
pub(super) fn boat(stage: &mut Stage, place: Point, size: f32) {
    let (x, y) = place;
    let hull = stage.brief.colour_of(Part::Subject).unwrap_or([142, 72, 54]);
    let (lit, dark) = sides(stage, hull);
    let (sail_lit, sail_dark) = sides(stage, [248, 240, 222]);
    let mast = stage.near([92, 70, 54]);
    stage.canvas.line((x, y), (x, y - size * 1.28), (size * 0.03, size * 0.02), mast, 1.0);
    Path::at(x + size * 0.03, y - size * 1.24)
        .curve((x + size * 0.34, y - size * 0.9), (x + size * 0.5, y - size * 0.5), (x + size * 0.52, y - size * 0.2))
        .to(x + size * 0.03, y - size * 0.2)
        .fill(stage.canvas, Paint::Across(sail_lit, mix(sail_lit, sail_dark, 0.55)), 1.0);
    Path::at(x - size * 0.03, y - size * 1.1)
        .curve((x - size * 0.1, y - size * 0.7), (x - size * 0.25, y - size * 0.4), (x - size * 0.44, y - size * 0.2))
        .to(x - size * 0.03, y - size * 0.2)
        .fill(stage.canvas, Paint::Across(mix(sail_lit, sail_dark, 0.4), sail_lit), 1.0);
    Path::at(x - size * 0.62, y - size * 0.16)
        .to(x + size * 0.66, y - size * 0.18)
        .curve(
            (x + size * 0.56, y + size * 0.02),
            (x + size * 0.44, y + size * 0.08),
            (x + size * 0.36, y + size * 0.08),
        )
        .to(x - size * 0.36, y + size * 0.08)
        .curve(
            (x - size * 0.5, y + size * 0.06),
            (x - size * 0.58, y - size * 0.04),
            (x - size * 0.62, y - size * 0.16),
        )
        .fill(stage.canvas, Paint::Down(lit, dark), 1.0);
    let trim = stage.near([244, 238, 226]);
    stage.canvas.line(
        (x - size * 0.6, y - size * 0.14),
        (x + size * 0.64, y - size * 0.16),
        (size * 0.025, size * 0.025),
        trim,
        1.0,
    );
    if stage.light.is_dark {
        stage.canvas.glow((x, y - size * 1.28), size * 0.3, LAMP, 0.8);
    }
}

/// An arched foot bridge from `left` to `right`.
pub(super) fn bridge(stage: &mut Stage, left: Point, right: Point, rise: f32) {
    let colour = stage.brief.colour_of(Part::Wall).unwrap_or([190, 62, 50]);
    let (lit, dark) = sides(stage, colour);
    let wide = right.0 - left.0;
    let deck = |t: f32, lift: f32| {
        let arch = 4.0 * t * (1.0 - t);
        (left.0 + wide * t, left.1 + (right.1 - left.1) * t - rise * arch - lift)
    };
    let thick = rise * 0.2;
    let mut under = Path::at(left.0, left.1 + thick);
    for step in 1..=20_u8 {
        let (x, y) = deck(f32::from(step) / 20.0, -thick);
        under = under.to(x, y);
    }
    for step in 0..=20_u8 {
        let (x, y) = deck(1.0 - f32::from(step) / 20.0, 0.0);
        under = under.to(x, y);
    }
    under.fill(stage.canvas, Paint::Down(lit, dark), 1.0);
    let post = wide * 0.012;
    for step in 0..=8_u8 {
        let t = f32::from(step) / 8.0;
        let end = if step % 4 == 0 { 0.62 } else { 0.48 };
        stage.canvas.line(deck(t, 0.0), deck(t, rise * end), (post * 1.3, post * 1.3), dark, 1.0);
    }
    for (lift, share) in [(0.48, 1.3), (0.26, 0.7)] {
        for step in 0..16_u8 {
            let (a, b) = (f32::from(step) / 16.0, f32::from(step + 1) / 16.0);
            stage.canvas.line(deck(a, rise * lift), deck(b, rise * lift), (post * share, post * share), lit, 1.0);
        }
    }
}

/// A hot-air balloon with its basket.
pub(super) fn balloon(stage: &mut Stage, place: Point, size: f32, colours: (Rgb, Rgb)) {
    let (x, y) = place;
    let outline = |share: f32| {
        Path::at(x, y - size)
            .curve(
                (x + size * share, y - size),
                (x + size * 1.08 * share, y - size * 0.1),
                (x + size * 0.62 * share, y + size * 0.38),
            )
            .curve(
                (x + size * 0.4 * share, y + size * 0.66),
                (x + size * 0.2 * share, y + size * 0.8),
                (x + size * 0.12 * share, y + size * 0.95),
            )
            .to(x, y + size * 0.95)
    };
    for (index, share) in [1.0_f32, 0.72, 0.44, 0.16].into_iter().enumerate() {
        let (lit, dark) = sides(stage, if index % 2 == 0 { colours.0 } else { colours.1 });
        outline(-share).fill(stage.canvas, Paint::Flat(mix(lit, dark, 0.22 - 0.2 * share)), 1.0);
        outline(share).fill(stage.canvas, Paint::Flat(mix(lit, dark, 0.26 + 0.5 * share)), 1.0);
    }
    let rope = stage.near([80, 64, 52]);
    for side in [-1.0, 1.0] {
        stage.canvas.line(
            (x + side * size * 0.12, y + size * 0.95),
            (x + side * size * 0.1, y + size * 1.2),
            (size * 0.015, size * 0.015),
            rope,
            1.0,
        );
    }
    Path::rect(x - size * 0.12, y + size * 1.18, size * 0.24, size * 0.17).fill(
        stage.canvas,
        Paint::Across(stage.near([150, 106, 66]), rope),
        1.0,
    );
}
