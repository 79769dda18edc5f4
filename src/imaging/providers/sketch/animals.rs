//! Animals that sit still: a cat and a dog, from the front.

use super::brief::Part;
use super::chance::Dice;
use super::colour::{Rgb, brightness, mix, shade};
use super::path::{Paint, Path, Point};
use super::stage::Stage;

/// An animal's measure: where its feet are and how tall it is. Its shapes are drawn with a height of 1.
#[derive(Clone, Copy)]
struct Frame {
    foot: Point,
    size: f32,
}

/// The colours of a coat.
#[derive(Clone, Copy)]
struct Coat {
    plain: Rgb,
    light: Rgb,
    dark: Rgb,
    chest: Rgb,
    eye: Rgb,
    has_stripes: bool,
}

impl Frame {
    fn at(self, (x, y): Point) -> Point {
        (self.foot.0 + x * self.size, self.foot.1 + y * self.size)
    }

    fn fill(self, stage: &mut Stage, path: Path, paint: Paint, strength: f32) {
        path.placed(self.foot, (self.size, self.size)).fill(stage.canvas, paint, strength);
    }

    fn oval(self, stage: &mut Stage, middle: Point, radii: (f32, f32), turn: f32, paint: Paint) {
        Path::ellipse(self.at(middle), radii.0 * self.size, radii.1 * self.size, turn).fill(stage.canvas, paint, 1.0);
    }

    fn line(self, stage: &mut Stage, from: Point, to: Point, widths: (f32, f32), colour: Rgb) {
        let widths = (widths.0 * self.size, widths.1 * self.size);
        stage.canvas.line(self.at(from), self.at(to), widths, colour, 1.0);
    }

    /// A line through several points, as thick as a tail.
    fn rope(self, stage: &mut Stage, path: &[Point], widths: (f32, f32), colour: Rgb) {
        let count = path.len().max(2) - 1;
        for (index, pair) in path.windows(2).enumerate() {
            let width = |step: usize| {
                widths.0 + (widths.1 - widths.0) * super::chance::to_f32(step) / super::chance::to_f32(count)
            };
            if let [from, to] = pair {
                self.line(stage, *from, *to, (width(index), width(index + 1)), colour);
            }
        }
    }
}

fn coat(stage: &Stage, dice: &mut Dice, usual: &[Rgb]) -> Coat {
    let colour = stage.brief.colour_of(Part::Subject).or(stage.brief.accents.first().copied());
    let plain = colour.unwrap_or_else(|| dice.pick(usual, [150, 140, 134]));
    let is_black = brightness(plain) < 0.2;
    let light = stage.near(mix(plain, [255, 240, 220], if is_black { 0.13 } else { 0.28 }));
    let chest = if is_black { light } else { stage.near(mix(plain, [255, 250, 242], 0.75)) };
    let eye = dice.pick(&[[146, 190, 74], [226, 178, 62], [110, 176, 190]], [146, 190, 74]);
    Coat {
        plain: stage.near(plain),
        light,
        dark: stage.near(shade(plain, 0.52)),
        chest,
        eye,
        has_stripes: !is_black && dice.is_lucky(0.65),
    }
}

/// A sitting cat, `size` pixels from its paws to its ears.
pub(super) fn cat(stage: &mut Stage, foot: Point, size: f32) {
    let mut dice = stage.dice("cat");
    let coat = coat(stage, &mut dice, &[[212, 136, 72], [136, 134, 140], [54, 52, 58], [226, 208, 184], [120, 98, 82]]);
    let frame = Frame { foot, size };
    let side = if dice.is_lucky(0.5) { 1.0 } else { -1.0 };
    shadow(stage, frame, 0.36);
    let tail = tail_curve(side);
    frame.rope(stage, &tail, (0.095, 0.06), coat.dark);
    frame.rope(stage, &tail.map(|(x, y)| (x - 0.008, y - 0.012)), (0.074, 0.042), coat.plain);
    body(stage, frame, coat);
    if coat.has_stripes {
        for (x, y) in [(0.2, -0.42), (0.24, -0.33), (0.255, -0.24)] {
            for side in [-1.0, 1.0] {
                frame.line(stage, (side * x, y), (side * (x - 0.1), y + 0.035), (0.03, 0.008), coat.dark);
            }
        }
    }
    cat_head(stage, frame, coat);
}

fn tail_curve(side: f32) -> [Point; 12] {
    [
        (0.2, -0.05),
        (0.29, -0.035),
        (0.37, -0.04),
        (0.44, -0.065),
        (0.485, -0.11),
        (0.5, -0.165),
        (0.49, -0.22),
        (0.46, -0.265),
        (0.425, -0.29),
        (0.39, -0.295),
        (0.365, -0.28),
        (0.35, -0.255),
    ]
    .map(|(x, y)| (x * side, y))
}

fn shadow(stage: &mut Stage, frame: Frame, wide: f32) {
    let colour = shade(stage.light.sky[0], 0.25);
    Path::ellipse(frame.at((0.03, 0.0)), wide * 1.15 * frame.size, 0.05 * frame.size, 0.0).fill(
        stage.canvas,
        Paint::Flat(colour),
        0.35,
    );
}

fn body(stage: &mut Stage, frame: Frame, coat: Coat) {
    let torso = Path::at(-0.11, -0.62)
        .curve((-0.2, -0.5), (-0.24, -0.36), (-0.285, -0.2))
        .curve((-0.31, -0.1), (-0.29, 0.0), (-0.2, 0.0))
        .to(0.2, 0.0)
        .curve((0.29, 0.0), (0.31, -0.1), (0.285, -0.2))
        .curve((0.24, -0.36), (0.2, -0.5), (0.11, -0.62));
    frame.fill(stage, torso, Paint::Across(coat.light, mix(coat.plain, coat.dark, 0.45)), 1.0);
    for side in [-1.0, 1.0] {
        let (upper, lower) = (mix(coat.light, coat.plain, 0.6), mix(coat.plain, coat.dark, 0.6));
        frame.oval(stage, (side * 0.2, -0.125), (0.118, 0.135), 0.0, Paint::Down(upper, lower));
        frame.oval(stage, (side * 0.2, -0.02), (0.105, 0.034), 0.0, Paint::Down(coat.light, coat.plain));
    }
    for side in [-1.0, 1.0] {
        let leg = Path::at(side * 0.005, -0.4)
            .curve((side * 0.01, -0.25), (side * 0.016, -0.1), (side * 0.016, 0.0))
            .to(side * 0.12, 0.0)
            .curve((side * 0.115, -0.1), (side * 0.14, -0.24), (side * 0.13, -0.36))
            .curve((side * 0.12, -0.44), (side * 0.04, -0.46), (side * 0.005, -0.4));
        frame.fill(stage, leg, Paint::Across(coat.light, coat.plain), 1.0);
        frame.oval(
            stage,
            (side * 0.07, -0.012),
            (0.066, 0.036),
            0.0,
            Paint::Down(coat.chest, mix(coat.chest, coat.dark, 0.3)),
        );
        for toe in [-0.02, 0.02] {
            frame.line(stage, (side * 0.07 + toe, -0.022), (side * 0.07 + toe, 0.012), (0.006, 0.006), coat.dark);
        }
    }
    frame.line(stage, (0.0, -0.26), (0.0, -0.01), (0.006, 0.014), coat.dark);
    let chest = Path::at(-0.1, -0.56).curve((-0.17, -0.45), (-0.12, -0.3), (0.0, -0.22)).curve(
        (0.1, -0.28),
        (0.15, -0.45),
        (0.1, -0.56),
    );
    frame.fill(stage, chest, Paint::Down(coat.chest, mix(coat.chest, coat.plain, 0.6)), 0.9);
}

fn cat_head(stage: &mut Stage, frame: Frame, coat: Coat) {
    let pink = stage.near([226, 150, 148]);
    for side in [-1.0, 1.0] {
        let ear = Path::at(side * 0.215, -0.76)
            .curve((side * 0.24, -0.86), (side * 0.235, -0.95), (side * 0.222, -1.0))
            .curve((side * 0.16, -0.97), (side * 0.09, -0.93), (side * 0.045, -0.87));
        frame.fill(stage, ear, Paint::Down(coat.plain, coat.light), 1.0);
        let inner = Path::at(side * 0.19, -0.81).to(side * 0.208, -0.955).curve(
            (side * 0.16, -0.93),
            (side * 0.11, -0.9),
            (side * 0.085, -0.865),
        );
        frame.fill(stage, inner, Paint::Down(mix(pink, coat.dark, 0.25), pink), 0.9);
    }
    let head = Path::at(0.0, -0.895)
        .curve((0.12, -0.9), (0.225, -0.84), (0.235, -0.73))
        .curve((0.245, -0.66), (0.16, -0.555), (0.0, -0.55))
        .curve((-0.16, -0.555), (-0.245, -0.66), (-0.235, -0.73))
        .curve((-0.225, -0.84), (-0.12, -0.9), (0.0, -0.895));
    frame.fill(stage, head, Paint::Across(coat.light, mix(coat.plain, coat.dark, 0.25)), 1.0);
    if coat.has_stripes {
        for x in [-0.055, 0.0, 0.055] {
            frame.line(stage, (x, -0.885 + x.abs() * 0.2), (x * 0.7, -0.81), (0.022, 0.008), coat.dark);
        }
        for side in [-1.0, 1.0] {
            for y in [-0.7, -0.655] {
                frame.line(stage, (side * 0.228, y), (side * 0.165, y + 0.012), (0.018, 0.006), coat.dark);
            }
        }
    }
    for side in [-1.0, 1.0] {
        cat_eye(stage, frame, coat, side);
        frame.oval(stage, (side * 0.042, -0.622), (0.058, 0.044), 0.0, Paint::Flat(coat.chest));
    }
    frame.oval(stage, (0.0, -0.59), (0.04, 0.026), 0.0, Paint::Flat(coat.chest));
    let nose = Path::at(-0.026, -0.664)
        .curve((-0.01, -0.672), (0.01, -0.672), (0.026, -0.664))
        .curve((0.018, -0.648), (0.008, -0.64), (0.0, -0.638))
        .curve((-0.008, -0.64), (-0.018, -0.648), (-0.026, -0.664));
    frame.fill(stage, nose, Paint::Flat(pink), 1.0);
    let ink = shade(coat.dark, 0.6);
    for side in [-1.0, 1.0] {
        frame.rope(
            stage,
            &[(0.0, -0.638), (side * 0.004, -0.616), (side * 0.026, -0.604), (side * 0.05, -0.61)],
            (0.007, 0.005),
            ink,
        );
        for (y, end) in [(-0.632, -0.665), (-0.62, -0.622), (-0.608, -0.585)] {
            frame.line(stage, (side * 0.07, y), (side * 0.33, end), (0.004, 0.002), stage.near([250, 248, 244]));
        }
    }
}

fn cat_eye(stage: &mut Stage, frame: Frame, coat: Coat, side: f32) {
    let ink = shade(coat.dark, 0.35);
    let almond = |grow: f32| {
        let (inner, outer) = ((side * (0.04 - 0.008 * grow), -0.708), (side * (0.152 + 0.006 * grow), -0.74));
        Path::at(inner.0, inner.1)
            .curve((side * 0.055, -0.785 - 0.012 * grow), (side * 0.13, -0.8 - 0.012 * grow), outer)
            .curve((side * 0.15, -0.675 + 0.01 * grow), (side * 0.065, -0.665 + 0.01 * grow), inner)
    };
    frame.fill(stage, almond(1.0), Paint::Flat(ink), 1.0);
    // Eyes shine even in little light.
    frame.fill(stage, almond(0.0), Paint::Down(shade(coat.eye, 0.8), mix(coat.eye, [255, 255, 220], 0.35)), 1.0);
    let wide = if stage.light.is_dark { 0.03 } else { 0.017 };
    frame.oval(stage, (side * 0.095, -0.727), (wide, 0.044), 0.0, Paint::Flat([18, 18, 22]));
    frame.oval(stage, (side * 0.095 - 0.016, -0.746), (0.013, 0.014), 0.0, Paint::Flat([255, 255, 255]));
}

/// A sitting dog, `size` pixels from its paws to the top of its head.
pub(super) fn dog(stage: &mut Stage, foot: Point, size: f32) {
    let mut dice = stage.dice("dog");
    let coat = coat(stage, &mut dice, &[[190, 138, 86], [112, 80, 58], [222, 200, 168], [92, 90, 96]]);
    let frame = Frame { foot, size };
    shadow(stage, frame, 0.36);
    frame.rope(stage, &[(0.22, -0.08), (0.32, -0.12), (0.39, -0.2), (0.42, -0.3)], (0.08, 0.035), coat.plain);
    body(stage, frame, coat);
    let ink = [26, 24, 26];
    let head = Path::at(0.0, -0.96)
        .curve((0.13, -0.97), (0.21, -0.88), (0.195, -0.76))
        .curve((0.19, -0.66), (0.13, -0.55), (0.0, -0.54))
        .curve((-0.13, -0.55), (-0.19, -0.66), (-0.195, -0.76))
        .curve((-0.21, -0.88), (-0.13, -0.97), (0.0, -0.96));
    frame.fill(stage, head, Paint::Across(coat.light, coat.plain), 1.0);
    for side in [-1.0, 1.0] {
        let ear = Path::at(side * 0.11, -0.95)
            .curve((side * 0.24, -0.97), (side * 0.29, -0.82), (side * 0.275, -0.66))
            .curve((side * 0.26, -0.6), (side * 0.19, -0.62), (side * 0.185, -0.7))
            .curve((side * 0.18, -0.8), (side * 0.16, -0.88), (side * 0.11, -0.95));
        frame.fill(stage, ear, Paint::Down(coat.plain, coat.dark), 1.0);
    }
    frame.oval(stage, (0.0, -0.65), (0.1, 0.095), 0.0, Paint::Down(coat.chest, mix(coat.chest, coat.plain, 0.4)));
    for side in [-1.0, 1.0] {
        frame.oval(stage, (side * 0.088, -0.785), (0.03, 0.034), 0.0, Paint::Flat(ink));
        frame.oval(stage, (side * 0.088 - 0.01, -0.797), (0.01, 0.01), 0.0, Paint::Flat([255, 255, 255]));
        frame.rope(stage, &[(0.0, -0.635), (side * 0.02, -0.605), (side * 0.06, -0.61)], (0.01, 0.006), ink);
    }
    frame.oval(stage, (0.0, -0.592), (0.026, 0.034), 0.0, Paint::Flat(stage.near([224, 120, 124])));
    frame.oval(stage, (0.0, -0.69), (0.05, 0.036), 0.0, Paint::Flat(ink));
    frame.oval(stage, (-0.014, -0.702), (0.014, 0.008), 0.0, Paint::Flat([150, 146, 150]));
}
