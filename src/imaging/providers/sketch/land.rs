//! Ground: hills, mountains, dunes, rocks and grass, each a line of heights with a skin of light on it.

use super::brief::{Part, Weather};
use super::chance::{Dice, NoiseField, noise1, rough1, rough2, smooth, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix, shade};
use super::path::{Paint, Path, Point};
use super::stage::Stage;

/// A line of heights across the paper, one for each column.
pub(super) type Heights = Vec<f32>;

/// Soft hills whose crests lie `swing` pixels above and below `base`.
pub(super) fn hills(stage: &Stage, part: &str, base: f32, swing: f32, length: f32) -> Heights {
    let seed = stage.dice(part).next();
    (0..stage.canvas.width()).map(|x| base + swing * (1.0 - 2.0 * rough1(to_f32(x) / length, 3, seed))).collect()
}

/// Paints hills in `colour` with a lighter edge; `distance` is how much air lies before them.
pub(super) fn paint_hills(stage: &mut Stage, heights: &[f32], colour: Rgb, distance: f32) {
    let (_, h, unit) = stage.measures();
    let has_snow = stage.brief.weather == Weather::Snow;
    let colour = if has_snow { mix(colour, [242, 246, 252], 0.88) } else { colour };
    let (sun, shadow) =
        if has_snow { ([255, 255, 255], [176, 196, 226]) } else { ([255, 244, 200], shade(colour, 0.5)) };
    let top = stage.far(mix(colour, sun, 0.2), distance);
    let bottom = stage.far(mix(colour, shadow, 0.44), (distance - 0.12).max(0.0));
    let lowest = heights.iter().fold(0.0_f32, |most, height| most.max(*height));
    stage.canvas.ridge(heights, top, bottom, (h - lowest).max(unit * 0.12).min(unit * 0.4));
}

/// What makes one mountain range.
pub(super) struct Range {
    pub(super) base: f32,
    pub(super) height: f32,
    pub(super) length: f32,
    pub(super) distance: f32,
    pub(super) has_snow: bool,
}

/// A mountain range: sharp crests, a lit and a shaded side, snow above a line.
pub(super) fn mountains(stage: &mut Stage, part: &str, range: &Range) -> Heights {
    let seed = stage.dice(part).next();
    let (w, h, unit) = stage.measures();
    let crest = |x: f32| {
        let fold = 1.0 - (2.0 * rough1(x / range.length, 5, seed) - 1.0).abs();
        let large = noise1(x / (range.length * 2.2) + 9.0, seed);
        range.base
            - range.height * (0.55 * fold * fold + 0.6 * large)
            - unit * 0.01 * rough1(x / (unit * 0.02), 2, seed)
    };
    let heights: Heights = (0..stage.canvas.width()).map(|x| crest(to_f32(x))).collect();
    let rock = stage.brief.colour_of(Part::Land).unwrap_or([112, 108, 116]);
    let (lit, dark) =
        (stage.far(mix(rock, [255, 236, 206], 0.3), range.distance), stage.far(shade(rock, 0.55), range.distance));
    let snow_lit = stage.far([252, 250, 250], range.distance * 0.9);
    let snow_dark = stage.far([168, 184, 214], range.distance);
    let top = heights.iter().fold(h, |least, height| least.min(*height));
    let cell = (unit / 150.0).max(2.0);
    // Faces of rock: noise that leans along the slopes, seen as light from one side.
    let face = NoiseField::new(w, h - top, cell, |x, y| {
        let lean = x + y * 0.55 * (1.0 - 2.0 * noise1(x / (range.length * 0.8), seed));
        let here = rough2(lean / (unit * 0.09), y / (unit * 0.3), 4, seed);
        let beside = rough2((lean - unit * 0.012) / (unit * 0.09), y / (unit * 0.3), 4, seed);
        (0.5 + (here - beside) * 5.0).clamp(0.0, 1.0)
    });
    let snow_line = range.height * 0.42;
    let mut row = Vec::new();
    let width = stage.canvas.width();
    for y in to_count(top)..to_count(h) {
        face.read_row(to_f32(y) - top, 0, &mut row, width);
        for ((pixel, height), side) in stage.canvas.span(y, 0, width).iter_mut().zip(&heights).zip(&row) {
            let below = to_f32(y) + 1.0 - *height;
            if below <= 0.0 {
                continue;
            }
            let light = smooth(0.3, 0.7, *side);
            let stone = mix(dark, lit, light);
            let has_snow =
                range.has_snow && below + (side - 0.5) * snow_line * 0.9 < snow_line * 0.75 - (to_f32(y) - top) * 0.28;
            let colour = if has_snow { mix(snow_dark, snow_lit, light) } else { stone };
            blend(pixel, colour, alpha(below.min(1.0)));
        }
    }
    heights
}

/// Sand: long waves, steep on one side, with ripples of light.
pub(super) fn dunes(stage: &mut Stage, part: &str, base: f32, swing: f32, distance: f32) -> Heights {
    let mut dice = stage.dice(part);
    let (w, _, unit) = stage.measures();
    let seed = dice.next();
    let (length, start) = (w.max(unit) * dice.range(0.5, 0.8), dice.unit());
    let heights: Heights = (0..stage.canvas.width())
        .map(|x| {
            let along = to_f32(x) / length + start + 0.12 * rough1(to_f32(x) / (unit * 0.5), 2, seed);
            let t = along - along.floor();
            let crest = if t < 0.72 { smooth(0.0, 0.72, t) } else { 1.0 - smooth(0.72, 1.0, t) };
            base - swing * (crest - 0.35) - swing * 0.3 * wave(along * 0.37)
        })
        .collect();
    let sand = stage.brief.colour_of(Part::Land).map_or([222, 176, 118], |colour| mix(colour, [226, 160, 104], 0.28));
    let lit = stage.far(mix(sand, [255, 226, 170], 0.34), distance);
    let dark = stage.far(shade(sand, 0.5), distance * 0.8);
    let deep = stage.far(shade(sand, 0.72), distance * 0.8);
    let width = stage.canvas.width();
    let top = heights.iter().fold(stage.canvas.h(), |least, height| least.min(*height));
    // The slope decides between light and shade; the edge of the shadow falls slanting down from the crest.
    let ahead = heights.iter().skip(6).chain(heights.last());
    let light: Vec<f32> =
        heights.iter().zip(ahead).map(|(here, ahead)| smooth(unit * 0.004, unit * -0.002, ahead - here)).collect();
    // Ripples follow the crest; the shadow ends where the slope does.
    let reach = swing * 1.7;
    let skins: Vec<(f32, f32)> = (0..=to_count(stage.canvas.h() - top))
        .map(|below| {
            let below = to_f32(below);
            let gap = unit * (0.009 + 0.03 * below / stage.canvas.h());
            (0.06 * wave(below / gap + noise1(below / (unit * 0.06), seed) * 1.5), smooth(reach * 0.45, reach, below))
        })
        .collect();
    for y in to_count(top)..stage.canvas.height() {
        let lean = to_count((to_f32(y) - top) * 0.5).min(light.len().saturating_sub(1));
        let lights = light.iter().skip(lean).chain(light.last().into_iter().cycle());
        for ((pixel, height), light) in stage.canvas.span(y, 0, width).iter_mut().zip(&heights).zip(lights) {
            let below = to_f32(y) + 1.0 - *height;
            if below <= 0.0 {
                continue;
            }
            let (ripple, open) = skins.get(to_count(below)).copied().unwrap_or((0.0, 1.0));
            let light = (light.max(open * 0.85) + ripple).clamp(0.0, 1.0);
            let fade = (below / (unit * 0.4)).min(1.0);
            let colour = mix(dark, mix(lit, deep, fade), light);
            blend(pixel, colour, alpha(below.min(1.0)));
        }
    }
    heights
}

/// Tables of rock that stand in the distance.
pub(super) fn mesas(stage: &mut Stage, base: f32) {
    let mut dice = stage.dice("mesas");
    let (w, _, unit) = stage.measures();
    let rock = stage.brief.colour_of(Part::Land).map_or([176, 96, 66], |colour| mix(colour, [150, 84, 60], 0.4));
    for index in 0..4_u8 {
        let distance = 0.55 - 0.1 * f32::from(index);
        let (x, wide) = (dice.range(-0.05, 0.95) * w, dice.range(0.08, 0.22) * unit);
        let tall = dice.range(0.07, 0.16) * unit;
        let (lit, dark) =
            (stage.far(mix(rock, [255, 214, 160], 0.25), distance), stage.far(shade(rock, 0.6), distance));
        let (left, right, top) = (x - wide * 0.5, x + wide * 0.5, base - tall);
        let body = Path::at(left - wide * 0.35, base + unit * 0.02)
            .curve(
                (left - wide * 0.1, base - tall * 0.3),
                (left - wide * 0.04, base - tall * 0.4),
                (left, top + tall * 0.2),
            )
            .to(left + wide * 0.02, top)
            .to(x - wide * 0.1, top - tall * 0.03)
            .to(x + wide * 0.2, top + tall * 0.01)
            .to(right - wide * 0.02, top + tall * 0.03)
            .to(right, top + tall * 0.25)
            .curve(
                (right + wide * 0.05, base - tall * 0.4),
                (right + wide * 0.15, base - tall * 0.3),
                (right + wide * 0.4, base + unit * 0.02),
            );
        body.fill(stage.canvas, Paint::Across(lit, dark), 1.0);
        for step in 1..6_u8 {
            let y = top + tall * 0.11 * f32::from(step);
            let inset = wide * 0.02 * dice.range(0.0, 2.0);
            stage.canvas.line(
                (left + inset, y),
                (right - inset, y + tall * 0.02),
                (tall * 0.03, tall * 0.02),
                dark,
                0.3,
            );
        }
    }
}

/// Blades of grass on the rows from `top` down, small far away and long close by.
pub(super) fn grass(stage: &mut Stage, part: &str, top: f32, colour: Rgb, count: f32) {
    grass_where(stage, part, top, colour, count, |_, _| true);
}

/// The same, except where `is_free` says no.
pub(super) fn grass_where(
    stage: &mut Stage,
    part: &str,
    top: f32,
    colour: Rgb,
    count: f32,
    is_free: impl Fn(f32, f32) -> bool,
) {
    let mut dice = stage.dice(part);
    let (w, h, unit) = stage.measures();
    if stage.brief.weather == Weather::Snow {
        return;
    }
    let total = to_count(count * w / unit);
    for index in 0..total {
        let depth = to_f32(index) / to_f32(total.max(1));
        let y = top + (h * 1.02 - top) * depth * depth;
        let place = (dice.unit() * w, y);
        let tall = unit * (0.006 + 0.036 * depth * depth) * dice.range(0.6, 1.4);
        let (tone, sway) = (dice.range(0.62, 1.3), dice.range(-0.45, 0.45));
        if is_free(place.0, place.1) {
            let tone = stage.far(shade(colour, tone), 0.25 * (1.0 - depth));
            let tip = (place.0 + tall * sway, place.1 - tall);
            stage.canvas.line(place, tip, (unit * (0.0012 + 0.003 * depth), unit * 0.0005), tone, 0.85);
        }
    }
}

/// A rock with a lit top.
pub(super) fn rock(stage: &mut Stage, place: Point, size: (f32, f32), colour: Rgb, dice: &mut Dice) {
    let (lit, dark) = (stage.near(mix(colour, [255, 246, 226], 0.3)), stage.near(shade(colour, 0.5)));
    Path::lump(place, size.0, size.1, 0.22, dice).fill(stage.canvas, Paint::Down(lit, dark), 1.0);
    let upper = (place.0 - size.0 * 0.18, place.1 - size.1 * 0.25);
    Path::lump(upper, size.0 * 0.6, size.1 * 0.45, 0.3, dice).fill(
        stage.canvas,
        Paint::Down(lit, mix(lit, dark, 0.5)),
        0.6,
    );
}
