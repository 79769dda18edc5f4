//! Closed shapes with clean edges: straight and curved outlines, filled by the exact area of each pixel they cover.

use super::canvas::Canvas;
use super::chance::{Dice, to_count, to_f32, wave};
use super::colour::{Rgb, alpha, blend, mix};

/// A point in pixels, or in a shape's own measure before it is placed.
pub(super) type Point = (f32, f32);

/// How many straight pieces a curve is cut into.
const PIECES: u8 = 10;

/// A closed outline.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    points: Vec<Point>,
}

/// What a shape is filled with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paint {
    /// One colour.
    Flat(Rgb),
    /// From the shape's top to its bottom.
    Down(Rgb, Rgb),
    /// From the shape's left to its right.
    Across(Rgb, Rgb),
}

impl Path {
    pub(super) fn from(points: &[Point]) -> Self {
        Self { points: points.to_vec() }
    }

    pub(super) fn at(x: f32, y: f32) -> Self {
        Self { points: vec![(x, y)] }
    }

    #[must_use]
    pub(super) fn to(mut self, x: f32, y: f32) -> Self {
        self.points.push((x, y));
        self
    }

    /// A curve to `end` that leaves towards `a` and arrives from `b`.
    #[must_use]
    pub(super) fn curve(mut self, a: Point, b: Point, end: Point) -> Self {
        let start = self.points.last().copied().unwrap_or(a);
        for piece in 1..=PIECES {
            let t = f32::from(piece) / f32::from(PIECES);
            let s = 1.0 - t;
            let (p, q, r, u) = (s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t);
            self.points
                .push((p * start.0 + q * a.0 + r * b.0 + u * end.0, p * start.1 + q * a.1 + r * b.1 + u * end.1));
        }
        self
    }

    pub(super) fn rect(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self::from(&[(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
    }

    /// An ellipse, turned by `turns` of a full circle.
    pub(super) fn ellipse((x, y): Point, rx: f32, ry: f32, turns: f32) -> Self {
        let count = (to_count(rx.max(ry) * 0.8) + 12).min(90);
        let (sine, cosine) = (wave(turns), wave(turns + 0.25));
        let point = |step: usize| {
            let t = to_f32(step) / to_f32(count);
            let (a, b) = (wave(t + 0.25) * rx, wave(t) * ry);
            (x + a * cosine - b * sine, y + a * sine + b * cosine)
        };
        Self { points: (0..count).map(point).collect() }
    }

    /// A lump: a circle that is a little out of shape.
    pub(super) fn lump((x, y): Point, rx: f32, ry: f32, wobble: f32, dice: &mut Dice) -> Self {
        let (a, b, c) = (dice.unit(), dice.unit(), dice.unit());
        let count = (to_count(rx.max(ry) * 0.9) + 12).min(64);
        let point = |step: usize| {
            let t = to_f32(step) / to_f32(count);
            let out = 1.0 + wobble * (0.5 * wave(3.0 * t + a) + 0.35 * wave(5.0 * t + b) + 0.3 * wave(9.0 * t + c));
            (x + wave(t + 0.25) * rx * out, y + wave(t) * ry * out)
        };
        Self { points: (0..count).map(point).collect() }
    }

    /// The outline moved to `(x, y)` and grown by `(sx, sy)`; a negative `sx` turns it around.
    #[must_use]
    pub(super) fn placed(mut self, (x, y): Point, (sx, sy): (f32, f32)) -> Self {
        for point in &mut self.points {
            *point = (x + point.0 * sx, y + point.1 * sy);
        }
        self
    }

    /// Left, top, right, bottom.
    fn bounds(&self) -> (f32, f32, f32, f32) {
        let start = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        self.points.iter().fold(start, |(left, top, right, bottom), (x, y)| {
            (left.min(*x), top.min(*y), right.max(*x), bottom.max(*y))
        })
    }

    pub(super) fn fill(&self, canvas: &mut Canvas, paint: Paint, strength: f32) {
        let Some(mask) = Mask::of(self, canvas) else { return };
        let (left, top, right, bottom) = self.bounds();
        let columns: Vec<Rgb> = match paint {
            Paint::Across(a, b) => {
                (0..mask.width).map(|x| mix(a, b, (to_f32(x + mask.left) - left) / (right - left).max(1.0))).collect()
            }
            Paint::Flat(_) | Paint::Down(..) => Vec::new(),
        };
        mask.each_row(|y, covers| {
            let row = match paint {
                Paint::Flat(colour) => colour,
                Paint::Down(a, b) => mix(a, b, (to_f32(y) - top) / (bottom - top).max(1.0)),
                Paint::Across(a, _) => a,
            };
            let span = canvas.span(y, mask.left, mask.left + mask.width);
            if columns.is_empty() {
                for (pixel, cover) in span.iter_mut().zip(covers) {
                    if *cover > 0.003 {
                        blend(pixel, row, alpha(*cover * strength));
                    }
                }
            } else {
                for ((pixel, cover), colour) in span.iter_mut().zip(covers).zip(&columns) {
                    if *cover > 0.003 {
                        blend(pixel, *colour, alpha(*cover * strength));
                    }
                }
            }
        });
    }
}

/// How much of each pixel a shape covers, within the shape's bounds on the paper.
pub(super) struct Mask {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    height: usize,
    /// Changes of cover from one pixel to the next, two columns wider than the mask.
    changes: Vec<f32>,
}

impl Mask {
    pub(super) fn of(path: &Path, canvas: &Canvas) -> Option<Self> {
        let (left, top, right, bottom) = path.bounds();
        if canvas.is_stopped()
            || right <= 0.0
            || bottom <= 0.0
            || left >= canvas.w()
            || top >= canvas.h()
            || path.points.len() < 3
        {
            return None;
        }
        let (x, y) = (to_count(left), to_count(top));
        let width = to_count(right.ceil()).min(canvas.width()).saturating_sub(x);
        let height = to_count(bottom.ceil()).min(canvas.height()).saturating_sub(y);
        let changes = vec![0.0; (width + 2).saturating_mul(height)];
        let mut mask = Self { left: x, top: y, width, height, changes };
        let ends = path.points.iter().cycle().skip(1);
        for (from, to) in path.points.iter().zip(ends) {
            mask.edge(*from, *to);
        }
        Some(mask)
    }

    /// Calls `paint` with each row and its covers, 0–1.
    pub(super) fn each_row(&self, mut paint: impl FnMut(usize, &[f32])) {
        let mut covers = Vec::with_capacity(self.width);
        for (index, row) in self.changes.chunks_exact(self.width + 2).enumerate() {
            covers.clear();
            let mut sum = 0.0_f32;
            for change in row.iter().take(self.width) {
                sum += *change;
                covers.push(sum.abs().min(1.0));
            }
            paint(self.top + index, &covers);
        }
    }

    /// Adds one edge of the outline: each row that it crosses notes how much area lies to its right.
    fn edge(&mut self, from: Point, to: Point) {
        let (fx, fy) = (from.0 - to_f32(self.left), from.1 - to_f32(self.top));
        let (tx, ty) = (to.0 - to_f32(self.left), to.1 - to_f32(self.top));
        if (fy - ty).abs() < 1e-6 {
            return;
        }
        let (sign, x0, y0, x1, y1) = if fy < ty { (1.0, fx, fy, tx, ty) } else { (-1.0, tx, ty, fx, fy) };
        let slope = (x1 - x0) / (y1 - y0);
        let limit = to_f32(self.width);
        let mut x = if y0 < 0.0 { x0 - y0 * slope } else { x0 };
        for row in to_count(y0.max(0.0))..to_count(y1.max(0.0).ceil()).min(self.height) {
            let y = to_f32(row);
            let tall = (y + 1.0).min(y1) - y.max(y0);
            let next = x + slope * tall;
            let start = row.saturating_mul(self.width + 2);
            self.cross(start, x.clamp(0.0, limit), next.clamp(0.0, limit), tall * sign);
            x = next;
        }
    }

    /// One row's part of an edge, from `x` to `next`, `tall` high.
    fn cross(&mut self, start: usize, x: f32, next: f32, tall: f32) {
        let (low, high) = if x < next { (x, next) } else { (next, x) };
        let first = to_count(low);
        let last = to_count(high.ceil());
        if last <= first + 1 {
            let share = 0.5 * (x + next) - to_f32(first);
            self.add(start + first, tall - tall * share);
            self.add(start + first + 1, tall * share);
            return;
        }
        let each = 1.0 / (high - low);
        let mut before = 0.0;
        for column in first..last {
            // The share of the edge left of `x` grows from 0 at `low` to 1 at `high`; its mean over the column is
            // the part of the column that lies to the right of the edge.
            let (from, to) = (to_f32(column).max(low), to_f32(column + 1).min(high));
            let cover = (to - from) * ((from + to) * 0.5 - low) * each + to_f32(column + 1) - to;
            self.add(start + column, tall * (cover - before));
            before = cover;
        }
        self.add(start + last, tall * (1.0 - before));
    }

    fn add(&mut self, at: usize, change: f32) {
        if let Some(value) = self.changes.get_mut(at) {
            *value += change;
        }
    }
}
