//! A picture from back to front: which parts a place has, and where they stand.

use tokio_util::sync::CancellationToken;

use super::brief::{Brief, Part, Setting, Subject, Weather};
use super::canvas::Canvas;
use super::chance::{Dice, to_f32};
use super::colour::{Rgb, mix, shade};
use super::garden::{self, Way};
use super::land::{self, Range};
use super::path::Path;
use super::plants::{self, Crown};
use super::stage::{Light, Stage};
use super::{animals, buildings, castle, composition, flowers, room, shore, sky, space, water};

/// Draws the brief; `None` when `cancel` fired meanwhile.
pub(super) fn draw(
    brief: &Brief,
    seed: u64,
    width: usize,
    height: usize,
    cancel: &CancellationToken,
) -> Option<Vec<u8>> {
    let mut canvas = Canvas::new(width, height, cancel.clone());
    let light = Light::of(brief, seed);
    let mut stage = Stage { canvas: &mut canvas, brief, light, seed };
    match brief.setting {
        Setting::Garden => garden::paint(&mut stage),
        Setting::Meadow => meadow(&mut stage),
        Setting::Sea => shore::sea(&mut stage),
        Setting::Beach => shore::beach(&mut stage),
        Setting::Lake => mountains(&mut stage, true),
        Setting::Mountains => mountains(&mut stage, false),
        Setting::Forest => forest(&mut stage),
        Setting::Desert => desert(&mut stage),
        Setting::City => city(&mut stage),
        Setting::Space => space::paint(&mut stage),
        Setting::Room => room::paint(&mut stage),
        Setting::Abstract => composition::paint(&mut stage),
    }
    if !matches!(brief.setting, Setting::Space | Setting::Room | Setting::Abstract) {
        guests(&mut stage);
        sky::falling(&mut stage);
    }
    canvas.grain(seed, 0.022);
    canvas.finish()
}

/// Things that may be added to any outdoor place.
fn guests(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("guests");
    if stage.brief.has(Subject::Balloon) {
        let colours = balloon_colours(stage, &mut dice);
        for (index, size) in [0.13, 0.06, 0.04].into_iter().enumerate() {
            let across = dice.range(0.22, 0.42) + 0.19 * to_f32(index);
            let place = (w * across, h * (0.2 + 0.07 * to_f32(index)) * dice.range(0.85, 1.15));
            buildings::balloon(stage, place, unit * size, colours);
        }
    }
    let has_house = stage.brief.has(Subject::House);
    if has_house && matches!(stage.brief.setting, Setting::Mountains | Setting::Lake | Setting::Forest | Setting::Beach)
    {
        buildings::house(stage, (w * dice.range(0.25, 0.4), h * 0.86), unit * 0.26, &mut dice);
    }
    let foot = (w * dice.range(0.56, 0.7), h * 0.95);
    if stage.brief.has(Subject::Dog) {
        animals::dog(stage, (foot.0 - unit * 0.26, foot.1), unit * 0.3);
    }
    if stage.brief.has(Subject::Cat) {
        animals::cat(stage, foot, unit * 0.32);
    }
    if stage.brief.has(Subject::Butterfly) {
        for _ in 0..4_u8 {
            let place = (w * dice.range(0.15, 0.85), h * dice.range(0.45, 0.8));
            let colours = flowers::colours(stage, &mut dice);
            let [first, ..] = colours;
            flowers::butterfly(stage, place, unit * dice.range(0.02, 0.05), dice.pick(&colours, first));
        }
    }
    if stage.brief.has(Subject::Bird) {
        sky::birds(stage, 9, (h * 0.15, h * 0.35));
    }
}

fn balloon_colours(stage: &Stage, dice: &mut Dice) -> (Rgb, Rgb) {
    let wanted = stage.brief.colour_of(Part::Subject).or(stage.brief.accents.first().copied());
    let plain = dice.pick(&[[214, 78, 66], [238, 160, 62], [72, 128, 190], [140, 90, 170]], [214, 78, 66]);
    (wanted.unwrap_or(plain), [248, 236, 206])
}

fn meadow(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("meadow");
    let horizon = h * 0.56;
    sky::paint(stage, horizon);
    let green = stage.brief.colour_of(Part::Land).unwrap_or([112, 158, 76]);
    let back = land::hills(stage, "hills 1", h * 0.52, unit * 0.07, unit * 0.55);
    land::paint_hills(stage, &back, mix(green, [112, 140, 150], 0.5), 0.6);
    let middle = land::hills(stage, "hills 2", h * 0.57, unit * 0.05, unit * 0.6);
    let trees = plants::tree_line(stage, "trees", &middle, unit * 0.05, Crown::Round, 0.5);
    land::paint_hills(stage, &trees, shade(green, 0.62), 0.42);
    land::paint_hills(stage, &middle, green, 0.35);
    let front = land::hills(stage, "hills 3", h * 0.66, unit * 0.05, unit * 0.9);
    land::paint_hills(stage, &front, green, 0.1);
    let leaf = plants::leaf(stage, &mut dice);
    let side = if dice.is_lucky(0.5) { 0.26 } else { 0.74 };
    if stage.brief.has(Subject::House) {
        buildings::house(stage, (w * (1.0 - side), h * 0.73), unit * 0.24, &mut dice);
        plants::tree(stage, (w * (1.0 - side) - unit * 0.2, h * 0.71), unit * 0.24, shade(leaf, 0.9), 0.12, &mut dice);
    }
    let tall = if stage.brief.has(Subject::Tree) { 0.62 } else { 0.42 };
    plants::tree(stage, (w * side, h * 0.8), unit * tall, leaf, 0.03, &mut dice);
    land::grass(stage, "grass", h * 0.68, shade(green, 0.95), 2200.0);
    if stage.brief.weather != Weather::Snow {
        flowers::field(stage, "flowers", (h * 0.74, h * 1.02), 520.0, |_, _| true);
    }
    if !stage.light.is_dark && !stage.brief.has(Subject::Bird) {
        sky::birds(stage, 4, (h * 0.14, h * 0.3));
    }
}

fn mountains(stage: &mut Stage, has_lake: bool) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("mountains");
    let horizon = h * if has_lake { 0.56 } else { 0.66 };
    let light = sky::paint(stage, horizon);
    let has_snow = true;
    for (part, rise, length, distance) in [("range 1", 0.36, 0.5, 0.58), ("range 2", 0.25, 0.38, 0.3)] {
        let range = Range { base: horizon, height: h * rise, length: unit * length, distance, has_snow };
        land::mountains(stage, part, &range);
        stage.canvas.veil(horizon - h * 0.16, horizon, stage.light.haze, (0.0, 0.5));
    }
    let foot = land::hills(stage, "foothills", horizon, unit * 0.025, unit * 0.5);
    let trees = plants::tree_line(stage, "far trees", &foot, unit * 0.06, Crown::Pointed, 0.95);
    let needle = stage.brief.colour_of(Part::Leaf).unwrap_or([58, 98, 82]);
    land::paint_hills(stage, &trees, needle, 0.3);
    if stage.brief.has(Subject::Castle) {
        let place = (w * dice.range(0.4, 0.6), horizon - h * 0.03);
        castle::castle(stage, place, unit * 0.34);
        let crag = land::hills(stage, "crag", horizon + unit * 0.01, unit * 0.02, unit * 0.2);
        land::paint_hills(
            stage,
            &plants::tree_line(stage, "crag trees", &crag, unit * 0.05, Crown::Pointed, 0.9),
            shade(needle, 0.85),
            0.2,
        );
    }
    if has_lake {
        let surface = horizon + unit * 0.03;
        water::mirror(stage, &Path::rect(-2.0, surface, w + 4.0, h - surface + 2.0), surface, 0.92);
        water::glitter(stage, light, (surface, h), 0.08);
        if stage.brief.has(Subject::Boat) {
            buildings::boat(stage, (w * dice.range(0.3, 0.7), h * 0.72), unit * 0.13);
        }
    } else {
        let green = stage.brief.colour_of(Part::Land).unwrap_or([104, 140, 82]);
        let meadow = land::hills(stage, "alp", h * 0.76, unit * 0.05, unit * 0.7);
        land::paint_hills(stage, &meadow, green, 0.1);
        land::grass(stage, "grass", h * 0.78, green, 1400.0);
        if stage.brief.weather != Weather::Snow {
            flowers::field(stage, "flowers", (h * 0.8, h * 1.02), 300.0, |_, _| true);
        }
    }
    let side = if dice.is_lucky(0.5) { 1.0 } else { -1.0 };
    for (side, inset, tall) in [(side, 0.03, 0.5), (side, 0.14, 0.36), (side, -0.02, 0.64), (-side, 0.0, 0.34)] {
        let x = w * 0.5 + side * (w * 0.5 - inset * unit);
        plants::conifer(stage, (x, h * (0.97 - 0.1 * inset.abs())), unit * tall, 0.02, &mut dice);
    }
}

fn forest(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("forest");
    let light = sky::paint(stage, h * 0.72);
    let needle = stage.brief.colour_of(Part::Leaf).unwrap_or([62, 104, 74]);
    for layer in 0..4_u8 {
        let depth = f32::from(layer) / 3.0;
        let part = format!("layer {layer}");
        let ground = land::hills(stage, &part, h * (0.56 + 0.1 * depth), unit * 0.04, unit * 0.6);
        let trees = plants::tree_line(stage, &part, &ground, unit * (0.18 + 0.2 * depth), Crown::Pointed, 0.95);
        land::paint_hills(stage, &trees, needle, 0.8 - 0.5 * depth);
        stage.canvas.veil(
            h * (0.4 + 0.1 * depth),
            h * (0.68 + 0.06 * depth),
            stage.light.haze,
            (0.0, 0.42 - 0.1 * depth),
        );
    }
    if !stage.light.is_dark && stage.brief.weather == Weather::Clear {
        stage.canvas.glow((light.0, h * 0.3), unit * 0.6, stage.light.source, 0.3);
    }
    let floor = stage.brief.colour_of(Part::Land).unwrap_or([92, 120, 66]);
    let ground = land::hills(stage, "floor", h * 0.76, unit * 0.03, unit * 0.5);
    land::paint_hills(stage, &ground, floor, 0.1);
    Way::from(stage, (w * 0.5, h * 0.77)).paint(stage, [166, 140, 104]);
    land::grass(stage, "ferns", h * 0.77, shade(needle, 1.1), 1600.0);
    for index in 0..9_u8 {
        let depth = f32::from(index) / 8.0;
        let side = if index % 2 == 0 { 1.0 } else { -1.0 };
        let x = w * 0.5 + side * w * (0.14 + 0.4 * depth * dice.range(0.8, 1.15));
        plants::conifer(
            stage,
            (x, h * (0.78 + 0.2 * depth)),
            unit * (0.36 + 0.42 * depth),
            0.3 * (1.0 - depth),
            &mut dice,
        );
    }
}

fn desert(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("desert");
    let horizon = h * 0.56;
    sky::paint(stage, horizon);
    let plain = stage.brief.colour_of(Part::Land).unwrap_or([222, 176, 118]);
    let level = land::hills(stage, "plain", horizon, unit * 0.004, unit * 0.4);
    land::paint_hills(stage, &level, plain, 0.5);
    land::mesas(stage, horizon + unit * 0.012);
    land::dunes(stage, "dunes 1", h * 0.588, unit * 0.06, 0.4);
    land::dunes(stage, "dunes 2", h * 0.7, unit * 0.1, 0.2);
    if stage.brief.has(Subject::Camel) {
        shore::caravan(stage, h * 0.69);
    }
    land::dunes(stage, "dunes 3", h * 0.86, unit * 0.12, 0.04);
    if stage.brief.has(Subject::Palm) {
        for at in [0.2, 0.27, 0.82] {
            plants::palm(stage, (w * at, h * dice.range(0.8, 0.86)), unit * dice.range(0.26, 0.36), &mut dice);
        }
    } else {
        for _ in 0..3_u8 {
            let depth = dice.unit();
            let place = (w * dice.range(0.08, 0.92), h * (0.72 + 0.2 * depth));
            plants::cactus(stage, place, unit * (0.08 + 0.14 * depth), 0.2 * (1.0 - depth));
        }
    }
}

fn city(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let shoreline = h * 0.74;
    let light = sky::paint(stage, h * 0.7);
    castle::skyline(stage, shoreline);
    let quay = stage.near([84, 84, 92]);
    Path::rect(-2.0, shoreline - unit * 0.012, w + 4.0, unit * 0.03).fill(
        stage.canvas,
        super::path::Paint::Down(quay, shade(quay, 0.6)),
        1.0,
    );
    let surface = shoreline + unit * 0.015;
    water::mirror(stage, &Path::rect(-2.0, surface, w + 4.0, h - surface + 2.0), surface, 0.86);
    water::glitter(stage, light, (surface, h), 0.06);
}
