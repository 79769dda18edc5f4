//! A garden: hills behind hedges and trees, a pond with a bridge, a path, and flowers in front.

use super::brief::{Part, Subject, Weather};
use super::chance::{Dice, smooth, wave};
use super::colour::{Rgb, mix, shade};
use super::land;
use super::path::{Paint, Path, Point};
use super::plants::{self, Crown};
use super::stage::Stage;
use super::{buildings, flowers, sky, water};

pub(super) fn paint(stage: &mut Stage) {
    let (w, h, unit) = stage.measures();
    let mut dice = stage.dice("garden");
    let horizon = h * 0.5;
    sky::paint(stage, horizon);
    let back = land::hills(stage, "far hills", h * 0.43, unit * 0.07, unit * 0.6);
    land::paint_hills(stage, &back, [112, 142, 146], 0.66);
    let near = land::hills(stage, "near hills", h * 0.48, unit * 0.04, unit * 0.4);
    land::paint_hills(stage, &near, [104, 142, 104], 0.45);
    let leaf = plants::leaf(stage, &mut dice);
    let ground = vec![h * 0.53; stage.canvas.width()];
    let hedge = plants::tree_line(stage, "hedge", &ground, unit * 0.11, Crown::Round, 0.9);
    land::paint_hills(stage, &hedge, shade(leaf, 0.8), 0.3);
    for at in [0.1, 0.3, 0.62, 0.88] {
        let x = w * (at + dice.range(-0.05, 0.05));
        let tint = shade(plants::leaf(stage, &mut dice), dice.range(0.9, 1.1));
        plants::tree(stage, (x, h * 0.55), unit * dice.range(0.2, 0.3), tint, 0.25, &mut dice);
    }
    let lawn = stage.brief.colour_of(Part::Land).unwrap_or([118, 164, 82]);
    let line = land::hills(stage, "lawn", h * 0.545, unit * 0.008, unit * 0.5);
    land::paint_hills(stage, &line, lawn, 0.12);
    let side = if dice.is_lucky(0.5) { 1.0 } else { -1.0 };
    let middle = (w * 0.5 + side * unit * 0.2, h * 0.66);
    let pond = Pond { middle, reach: (unit * 0.34, unit * 0.085) };
    let way = Way::from(stage, (w * 0.5 - side * unit * 0.26, h * 0.55));
    way.paint(stage, [214, 194, 156]);
    pond.paint(stage, &mut dice);
    let post = |off: f32| (middle.0 + off * pond.reach.0, middle.1 - unit * 0.005);
    buildings::bridge(stage, post(-0.62), post(0.62), unit * 0.1);
    if stage.brief.has(Subject::House) {
        buildings::house(stage, (w * 0.5 - side * unit * 0.3, h * 0.62), unit * 0.2, &mut dice);
    }
    let is_free = |x: f32, y: f32| !pond.has((x, y), 1.12) && !way.has((x, y));
    land::grass_where(stage, "lawn grass", h * 0.57, shade(lawn, 0.92), 1500.0, is_free);
    pond.reeds(stage, &mut dice);
    if stage.brief.weather != Weather::Snow {
        flowers::field(stage, "beds", (h * 0.72, h * 1.0), 760.0, is_free);
    }
    frame_tree(stage, -side, &mut dice);
}

/// A tree so close that only a part of it is in the picture.
fn frame_tree(stage: &mut Stage, side: f32, dice: &mut Dice) {
    let (w, h, unit) = stage.measures();
    let is_cherry = stage.brief.colour_of(Part::Leaf).is_none() && stage.brief.weather != Weather::Snow;
    let leaf = if is_cherry {
        dice.pick(&[[238, 170, 190], [250, 206, 214], [96, 144, 76]], [238, 170, 190])
    } else {
        plants::leaf(stage, dice)
    };
    let x = w * 0.5 + side * (w * 0.5 - unit * 0.05);
    let (lit, dark) = (stage.near([112, 82, 64]), stage.near([54, 40, 36]));
    for (rise, out, drop) in [(0.42, 0.34, 0.2), (0.3, 0.42, 0.12), (0.36, 0.2, 0.26)] {
        let from = (x - side * unit * 0.035, h * rise);
        let to = (x - side * unit * out, h * drop);
        stage.canvas.line(from, to, (unit * 0.024, unit * 0.006), mix(lit, dark, 0.6), 1.0);
    }
    Path::at(x - unit * 0.11, h * 1.02)
        .curve(
            (x - unit * 0.04, h * 0.9),
            (x - unit * 0.05, h * 0.45),
            (x - unit * 0.03 - side * unit * 0.04, h * 0.12),
        )
        .to(x + unit * 0.03 - side * unit * 0.04, h * 0.12)
        .curve((x + unit * 0.03, h * 0.45), (x + unit * 0.03, h * 0.9), (x + unit * 0.12, h * 1.02))
        .fill(stage.canvas, Paint::Across(lit, dark), 1.0);
    for step in 0..26_u8 {
        let y = h * (0.26 + 0.028 * f32::from(step));
        let off = unit * dice.range(-0.025, 0.025);
        let end = (x + off + dice.range(-0.006, 0.006) * unit, y + unit * dice.range(0.03, 0.07));
        stage.canvas.line((x + off, y), end, (unit * 0.003, unit * 0.001), dark, 0.5);
    }
    for (out, drop, wide, tall) in
        [(0.02, 0.06, 0.24, 0.15), (0.24, 0.1, 0.18, 0.11), (0.38, 0.16, 0.12, 0.07), (0.1, 0.24, 0.15, 0.08)]
    {
        let middle = (x - side * unit * out, h * drop);
        plants::crown(stage, middle, (unit * wide, unit * tall), leaf, 0.0, dice);
    }
    for _ in 0..40_u8 {
        let place = (x - side * unit * dice.range(-0.1, 0.6), h * dice.range(0.25, 0.97));
        let colour = stage.near(shade(leaf, dice.range(0.85, 1.15)));
        Path::ellipse(place, unit * 0.005, unit * 0.0028, dice.unit()).fill(stage.canvas, Paint::Flat(colour), 0.85);
    }
}

/// A path that winds from far away to the lower edge of the picture and grows wide there.
pub(super) struct Way {
    start: Point,
    end: f32,
    bottom: f32,
    bend: f32,
    unit: f32,
}

impl Way {
    pub(super) fn from(stage: &Stage, start: Point) -> Self {
        let (w, h, unit) = stage.measures();
        let mut dice = stage.dice("path");
        let end = w * 0.5 + (start.0 - w * 0.5) * 1.15 + dice.range(-0.06, 0.06) * unit;
        Self { start, end, bottom: h * 1.02, bend: dice.range(0.3, 0.6), unit }
    }

    /// The edge (`side` -1 or 1) at `t` of the way to the viewer.
    fn edge(&self, side: f32, t: f32) -> Point {
        let depth = t * t;
        let sway = wave(self.bend + t * 0.9) * self.unit * 0.05 * smooth(0.0, 0.35, t);
        let wide = self.unit * (0.006 + 0.11 * depth);
        let x = self.start.0 + (self.end - self.start.0) * t + sway + side * wide;
        (x, self.start.1 + (self.bottom - self.start.1) * depth)
    }

    /// Whether the path covers a place.
    fn has(&self, (x, y): Point) -> bool {
        let t = ((y - self.start.1) / (self.bottom - self.start.1)).max(0.0).sqrt();
        (self.edge(-1.0, t).0..self.edge(1.0, t).0).contains(&x)
    }

    pub(super) fn paint(&self, stage: &mut Stage, colour: Rgb) {
        let mut dice = stage.dice("pebbles");
        let steps = 28_u8;
        let share = |step: u8| f32::from(step) / f32::from(steps);
        let mut points: Vec<Point> = (0..=steps).map(|step| self.edge(-1.0, share(step))).collect();
        points.extend((0..=steps).rev().map(|step| self.edge(1.0, share(step))));
        let (far, close) = (stage.far(colour, 0.3), stage.near(colour));
        Path::from(&points).fill(stage.canvas, Paint::Down(far, close), 1.0);
        for _ in 0..150_u8 {
            let t = dice.unit();
            let (left, right) = (self.edge(-0.85, t), self.edge(0.85, t));
            let place = (left.0 + (right.0 - left.0) * dice.unit(), left.1);
            let size = (self.unit * (0.002 + 0.014 * t * t), self.unit * (0.001 + 0.005 * t * t));
            let tone = shade(close, dice.range(0.78, 1.1));
            Path::ellipse(place, size.0, size.1, 0.0).fill(stage.canvas, Paint::Flat(tone), 0.7);
        }
    }
}

struct Pond {
    middle: Point,
    reach: (f32, f32),
}

impl Pond {
    fn outline(&self, grow: f32) -> Path {
        let count = 72_u8;
        let point = |step: u8| {
            let t = f32::from(step) / f32::from(count);
            let out = grow * (1.0 + 0.07 * wave(3.0 * t + 0.2) + 0.05 * wave(2.0 * t + 0.6));
            (self.middle.0 + wave(t + 0.25) * self.reach.0 * out, self.middle.1 + wave(t) * self.reach.1 * out)
        };
        Path::from(&(0..count).map(point).collect::<Vec<_>>())
    }

    fn has(&self, place: Point, grow: f32) -> bool {
        let (dx, dy) = ((place.0 - self.middle.0) / self.reach.0, (place.1 - self.middle.1) / self.reach.1);
        dx * dx + dy * dy < grow * grow
    }

    fn paint(&self, stage: &mut Stage, dice: &mut Dice) {
        let unit = stage.canvas.unit();
        let bank = stage.near([126, 116, 92]);
        self.outline(1.05).fill(stage.canvas, Paint::Down(stage.near([96, 128, 70]), bank), 1.0);
        let water = water::tone(stage);
        self.outline(1.0).fill(stage.canvas, Paint::Flat(water), 1.0);
        water::mirror(stage, &self.outline(1.0), self.middle.1 - self.reach.1 * 1.25, 0.84);
        for index in 0..22_u8 {
            let turn = f32::from(index) / 22.0 + dice.range(-0.02, 0.02);
            let out = 1.06 + 0.07 * wave(3.0 * turn + 0.2) + 0.05 * wave(2.0 * turn + 0.6);
            let place = (
                self.middle.0 + wave(turn + 0.25) * self.reach.0 * out,
                self.middle.1 + wave(turn) * self.reach.1 * out,
            );
            let size = unit * dice.range(0.008, 0.02);
            land::rock(stage, place, (size * 1.5, size), [150, 146, 140], dice);
        }
        let (pad, lily) = (stage.near([96, 150, 84]), stage.near([250, 214, 226]));
        for _ in 0..11_u8 {
            let place = (
                self.middle.0 + dice.range(-0.75, 0.75) * self.reach.0,
                self.middle.1 + dice.range(-0.1, 0.72) * self.reach.1,
            );
            if !self.has(place, 0.85) {
                continue;
            }
            let size = unit * dice.range(0.012, 0.024);
            Path::ellipse(place, size, size * 0.36, 0.0).fill(stage.canvas, Paint::Down(pad, shade(pad, 0.7)), 1.0);
            if dice.is_lucky(0.45) {
                for turn in [0.04, -0.04, 0.0] {
                    let up = (place.0 + turn * size * 5.0, place.1 - size * 0.3);
                    Path::ellipse(up, size * 0.2, size * 0.36, turn).fill(
                        stage.canvas,
                        Paint::Down(mix(lily, [255, 255, 255], 0.5), lily),
                        1.0,
                    );
                }
            }
        }
    }

    /// Reeds at the near bank.
    fn reeds(&self, stage: &mut Stage, dice: &mut Dice) {
        let unit = stage.canvas.unit();
        let green = stage.near([86, 124, 62]);
        for cluster in [0.56, 0.44, 0.12] {
            let turn = 0.25 + (cluster - 0.3) * 0.6;
            let place = (
                self.middle.0 + wave(turn + 0.25) * self.reach.0 * 1.04,
                self.middle.1 + wave(turn) * self.reach.1 * 1.08,
            );
            for _ in 0..13_u8 {
                let foot = (place.0 + dice.range(-0.03, 0.03) * unit, place.1 + dice.range(-0.004, 0.01) * unit);
                let tip = (foot.0 + dice.range(-0.025, 0.025) * unit, foot.1 - unit * dice.range(0.035, 0.09));
                stage.canvas.line(foot, tip, (unit * 0.004, unit * 0.001), shade(green, dice.range(0.7, 1.25)), 1.0);
            }
        }
    }
}
