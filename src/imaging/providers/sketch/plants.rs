//! Trees: far away as a jagged line, close by with trunk, branches and lit leaves.

use super::brief::{Part, Weather};
use super::chance::{Dice, rough1, to_count, to_f32, wave};
use super::colour::{Rgb, mix, shade};
use super::land::Heights;
use super::path::{Paint, Path, Point};
use super::stage::Stage;

/// What a line of trees in the distance looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Crown {
    Round,
    Pointed,
}

/// The line of heights of trees that stand on `ground`, each about `tall` pixels.
pub(super) fn tree_line(stage: &Stage, part: &str, ground: &[f32], tall: f32, crown: Crown, density: f32) -> Heights {
    let mut dice = stage.dice(part);
    let seed = dice.next();
    let mut heights = ground.to_vec();
    let step = tall * if crown == Crown::Pointed { 0.2 } else { 0.5 };
    let width = stage.canvas.w();
    let mut x = -tall;
    while x < width + tall {
        x += step * dice.range(0.4, 1.6);
        if !dice.is_lucky(density) {
            continue;
        }
        let size = tall * dice.range(0.55, 1.15);
        let reach = size * if crown == Crown::Pointed { 0.19 } else { 0.6 };
        let from = to_count(x - reach);
        let count = to_count(x + reach).saturating_sub(from);
        let foot = ground.get(to_count(x)).or(ground.last()).copied().unwrap_or(0.0);
        for (column, height) in heights.iter_mut().enumerate().skip(from).take(count) {
            let out = ((to_f32(column) - x) / reach).abs();
            let rise = match crown {
                // Leaves make a bumpy outline on a flattened dome.
                Crown::Round => {
                    let bumps = rough1(to_f32(column) / (tall * 0.13), 2, seed) - 0.5;
                    size * ((1.0 - out * out).max(0.0).sqrt() * 0.8 + bumps * 0.26 * (1.0 - out))
                }
                // Branches hang in tiers: the outline of a conifer is a saw.
                Crown::Pointed => {
                    let tier = out * 8.0;
                    let saw = tier.floor() + (tier - tier.floor()) * 1.5 - 0.25 * out;
                    size * (1.0 - saw / 8.0).max(0.0)
                }
            };
            *height = height.min(foot - rise);
        }
    }
    heights
}

/// The daylight colour of leaves.
pub(super) fn leaf(stage: &Stage, dice: &mut Dice) -> Rgb {
    let plain = dice.pick(&[[84, 138, 70], [102, 150, 74], [70, 126, 84], [122, 156, 78]], [84, 138, 70]);
    let colour = stage.brief.colour_of(Part::Leaf).map_or(plain, |colour| mix(colour, plain, 0.2));
    if stage.brief.weather == Weather::Snow { mix(colour, [236, 242, 248], 0.6) } else { colour }
}

/// A leafy tree whose trunk stands on `foot`; `distance` is how much air lies before it.
pub(super) fn tree(stage: &mut Stage, foot: Point, tall: f32, leaf: Rgb, distance: f32, dice: &mut Dice) {
    let bark = [104, 78, 58];
    let (lit, dark) = (stage.far(shade(bark, 1.2), distance), stage.far(shade(bark, 0.55), distance));
    let (x, y) = foot;
    let lean = dice.range(-0.05, 0.05) * tall;
    let wide = tall * 0.045;
    Path::at(x - wide * 1.7, y)
        .curve(
            (x - wide * 0.7, y - tall * 0.08),
            (x - wide * 0.7, y - tall * 0.2),
            (x - wide * 0.5 + lean, y - tall * 0.5),
        )
        .to(x + wide * 0.5 + lean, y - tall * 0.5)
        .curve((x + wide * 0.8, y - tall * 0.2), (x + wide * 0.8, y - tall * 0.08), (x + wide * 1.8, y))
        .fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    for side in [-1.0, 1.0, -0.5, 0.4] {
        let from = (x + lean * 0.8, y - tall * 0.42);
        let to = (x + lean + side * tall * 0.2, y - tall * dice.range(0.6, 0.72));
        stage.canvas.line(from, to, (wide * 0.7, wide * 0.25), dark, 1.0);
    }
    crown(stage, (x + lean, y - tall * 0.66), (tall * 0.36, tall * 0.32), leaf, distance, dice);
}

/// A crown of leaves: dark lumps first, then lighter and smaller ones towards the light.
pub(super) fn crown(stage: &mut Stage, middle: Point, size: (f32, f32), leaf: Rgb, distance: f32, dice: &mut Dice) {
    for (count, lift, tone, spread, lump) in [
        (15_u8, 0.12, 0.52, 0.82, 0.4),
        (17, 0.0, 0.78, 0.78, 0.3),
        (19, -0.14, 1.06, 0.7, 0.2),
        (15, -0.3, 1.3, 0.56, 0.13),
    ] {
        for _ in 0..count {
            let (turn, out) = (dice.unit(), dice.unit().sqrt() * spread);
            let (dx, dy) = (wave(turn + 0.25) * out, wave(turn) * out);
            let place = (middle.0 + (dx + lift * 0.3) * size.0, middle.1 + (dy + lift) * size.1);
            let reach = size.0.min(size.1) * lump * dice.range(0.7, 1.25);
            // Lower lumps lie in the crown's own shade.
            let colour = stage.far(shade(leaf, tone * (1.0 - 0.22 * dy)), distance);
            Path::lump(place, reach * 1.15, reach, 0.3, dice).fill(stage.canvas, Paint::Flat(colour), 0.95);
        }
    }
    leaves(stage, middle, size, leaf, distance, dice);
}

/// Single leaves over a crown, so that its lumps do not look like balls.
fn leaves(stage: &mut Stage, middle: Point, size: (f32, f32), leaf: Rgb, distance: f32, dice: &mut Dice) {
    let count = to_count(size.0 * 0.9).min(220);
    for _ in 0..count {
        let (turn, out) = (dice.unit(), dice.unit().sqrt() * 0.92);
        let (dx, dy) = (wave(turn + 0.25) * out, wave(turn) * out);
        let colour = stage.far(shade(leaf, dice.range(0.6, 1.2) - 0.3 * dy), distance);
        let place = (middle.0 + dx * size.0, middle.1 + dy * size.1);
        stage.canvas.disc(place, size.0 * dice.range(0.008, 0.024), colour, 0.8);
    }
}

/// A conifer: tiers of hanging branches, lit from one side.
pub(super) fn conifer(stage: &mut Stage, foot: Point, tall: f32, distance: f32, dice: &mut Dice) {
    let (x, y) = foot;
    let plain = stage.brief.colour_of(Part::Leaf).unwrap_or([50, 92, 72]);
    let needles = shade(plain, dice.range(0.8, 1.15));
    let (lit, dark) =
        (stage.far(mix(needles, [200, 210, 150], 0.22), distance), stage.far(shade(needles, 0.5), distance));
    let bark = stage.far([84, 62, 48], distance);
    let wide = tall * dice.range(0.15, 0.2);
    Path::rect(x - tall * 0.018, y - tall * 0.14, tall * 0.036, tall * 0.14).fill(stage.canvas, Paint::Flat(bark), 1.0);
    let tiers = 8_u8;
    let has_snow = stage.brief.weather == Weather::Snow;
    for tier in 0..tiers {
        let t = f32::from(tier) / f32::from(tiers);
        let (bottom, top) = (y - tall * (0.06 + 0.84 * t), y - tall * (0.06 + 0.84 * t) - tall * (0.24 - 0.1 * t));
        let reach = wide * (1.0 - t).max(0.1) * dice.range(0.88, 1.1);
        let sag = tall * 0.02;
        let shape = Path::at(x, top)
            .curve((x + reach * 0.3, top + sag * 2.0), (x + reach * 0.6, bottom - sag), (x + reach, bottom + sag * 0.3))
            .to(x + reach * 0.6, bottom - sag * 0.6)
            .to(x + reach * 0.35, bottom + sag * 0.7)
            .to(x, bottom - sag * 0.2)
            .to(x - reach * 0.4, bottom + sag * 0.6)
            .to(x - reach * 0.65, bottom - sag * 0.5)
            .to(x - reach, bottom + sag * 0.4)
            .curve((x - reach * 0.6, bottom - sag), (x - reach * 0.3, top + sag * 2.0), (x, top));
        shape.fill(stage.canvas, Paint::Across(lit, dark), 1.0);
        if has_snow {
            let snow = stage.far([244, 247, 252], distance * 0.8);
            Path::at(x, top)
                .curve(
                    (x + reach * 0.3, top + sag * 2.0),
                    (x + reach * 0.55, bottom - sag * 2.2),
                    (x + reach * 0.86, bottom - sag),
                )
                .curve(
                    (x + reach * 0.3, bottom - sag * 2.6),
                    (x - reach * 0.3, bottom - sag * 1.4),
                    (x - reach * 0.88, bottom - sag),
                )
                .curve((x - reach * 0.5, bottom - sag * 2.0), (x - reach * 0.3, top + sag * 2.0), (x, top))
                .fill(stage.canvas, Paint::Flat(snow), 0.85);
        }
    }
}

/// A palm that leans over.
pub(super) fn palm(stage: &mut Stage, foot: Point, tall: f32, dice: &mut Dice) {
    let side = if foot.0 < stage.canvas.w() * 0.5 { 1.0 } else { -1.0 };
    let (lit, dark) = (stage.near([168, 134, 98]), stage.near([92, 70, 52]));
    let head = (foot.0 + side * tall * 0.28, foot.1 - tall * 0.92);
    let wide = tall * 0.026;
    Path::at(foot.0 - wide * 1.6, foot.1)
        .curve(
            (foot.0 + side * tall * 0.02, foot.1 - tall * 0.4),
            (head.0 - side * tall * 0.1, head.1 + tall * 0.3),
            (head.0 - wide, head.1),
        )
        .to(head.0 + wide, head.1)
        .curve(
            (head.0 - side * tall * 0.08 + wide, head.1 + tall * 0.3),
            (foot.0 + side * tall * 0.04 + wide, foot.1 - tall * 0.4),
            (foot.0 + wide * 1.6, foot.1),
        )
        .fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    let green = stage.brief.colour_of(Part::Leaf).unwrap_or([84, 142, 74]);
    for index in 0..11_u8 {
        let turn = 0.5 + 0.5 * (f32::from(index) + dice.range(-0.3, 0.3)) / 10.0;
        let (dx, dy) = (wave(turn + 0.25), wave(turn));
        let length = tall * dice.range(0.36, 0.46);
        let tip = (head.0 + dx * length, head.1 + dy * length * 0.5 + tall * 0.2 * dx.abs());
        let high = (head.0 + dx * length * 0.55, head.1 + dy * length * 0.75 - tall * 0.05);
        let colour = stage.near(shade(green, dice.range(0.6, 1.25)));
        Path::at(head.0, head.1)
            .curve(high, (high.0 + dx * length * 0.3, high.1), tip)
            .curve(
                (high.0 + dx * length * 0.1, high.1 + tall * 0.1),
                (high.0 - dx * length * 0.2, high.1 + tall * 0.08),
                head,
            )
            .fill(stage.canvas, Paint::Flat(colour), 1.0);
    }
}

/// A cactus with two arms.
pub(super) fn cactus(stage: &mut Stage, foot: Point, tall: f32, distance: f32) {
    let green = stage.brief.colour_of(Part::Leaf).unwrap_or([84, 128, 84]);
    let (lit, dark) = (stage.far(shade(green, 1.25), distance), stage.far(shade(green, 0.5), distance));
    let wide = tall * 0.11;
    let (x, y) = foot;
    let limb = |canvas: &mut super::canvas::Canvas, points: &[Point], wide: f32| {
        for (colour, shift, share) in [(dark, 0.0, 1.0), (lit, -0.22, 0.5)] {
            for pair in points.windows(2) {
                if let [from, to] = pair {
                    let shift = shift * wide;
                    canvas.line(
                        (from.0 + shift, from.1),
                        (to.0 + shift, to.1),
                        (wide * share, wide * share),
                        colour,
                        1.0,
                    );
                }
            }
        }
    };
    // It stands in the sand: a shadow hides where it ends.
    let shadow = stage.far([92, 58, 44], distance);
    Path::ellipse((x + tall * 0.1, y + wide * 0.3), tall * 0.2, tall * 0.026, 0.0).fill(
        stage.canvas,
        Paint::Flat(shadow),
        0.5,
    );
    limb(stage.canvas, &[(x, y - wide * 0.2), (x, y - tall)], wide);
    limb(
        stage.canvas,
        &[(x, y - tall * 0.36), (x - tall * 0.21, y - tall * 0.4), (x - tall * 0.23, y - tall * 0.72)],
        wide * 0.75,
    );
    limb(
        stage.canvas,
        &[(x, y - tall * 0.5), (x + tall * 0.2, y - tall * 0.54), (x + tall * 0.22, y - tall * 0.82)],
        wide * 0.7,
    );
}
