//! The paper: pixels, and the ways of putting soft paint on them.

use tokio_util::sync::CancellationToken;

use super::chance::{Dice, NoiseField, to_count, to_f32};
use super::colour::{Rgb, alpha, blend, mix, scale};

/// How many rows are painted between two looks at the cancel token.
const ROWS_PER_LOOK: u32 = 64;

/// In how many places a row of grain may begin: enough that no column repeats.
const GRAIN_SHIFTS: usize = 997;

/// A picture in the making. Once its token fires it swallows all paint, so that whatever is painting ends soon.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
    cancel: CancellationToken,
    rows_until_look: u32,
    is_stopped: bool,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, cancel: CancellationToken) -> Self {
        let pixels = vec![[0; 3]; width.saturating_mul(height)];
        let is_stopped = cancel.is_cancelled();
        Self { width, height, pixels, cancel, rows_until_look: 0, is_stopped }
    }

    /// Whether the picture was cancelled, so that nothing of what is painted now will be seen.
    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub(super) const fn w(&self) -> f32 {
        to_f32(self.width)
    }

    /// Height in pixels.
    pub(super) const fn h(&self) -> f32 {
        to_f32(self.height)
    }

    /// The shorter side in pixels: what things are measured by.
    pub(super) const fn unit(&self) -> f32 {
        self.w().min(self.h())
    }

    /// The bytes of the picture, row by row; `None` when it was cancelled.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        if self.is_stopped || self.cancel.is_cancelled() { None } else { Some(self.pixels.into_flattened()) }
    }

    /// The pixels `from..to` of row `y`, cut to the paper.
    pub(super) fn span(&mut self, y: usize, from: usize, to: usize) -> &mut [Rgb] {
        if self.rows_until_look == 0 {
            self.rows_until_look = ROWS_PER_LOOK;
            self.is_stopped = self.is_stopped || self.cancel.is_cancelled();
        }
        self.rows_until_look -= 1;
        if self.is_stopped || y >= self.height {
            return &mut [];
        }
        let start = y.saturating_mul(self.width);
        let (from, to) = (from.min(self.width), to.min(self.width));
        self.pixels.get_mut(start.saturating_add(from)..start.saturating_add(to)).unwrap_or_default()
    }

    /// A copy of row `y`; of the nearest one where `y` is off the paper.
    pub(super) fn copy_row(&self, y: usize, out: &mut Vec<Rgb>) {
        let start = y.min(self.height.saturating_sub(1)).saturating_mul(self.width);
        out.clear();
        out.extend_from_slice(self.pixels.get(start..start.saturating_add(self.width)).unwrap_or_default());
    }

    /// Rows from `top` to `bottom` in the colours of a scale.
    pub(super) fn gradient(&mut self, top: f32, bottom: f32, colours: &[Rgb]) {
        for y in to_count(top)..to_count(bottom.ceil()).min(self.height) {
            let colour = scale(colours, (to_f32(y) - top) / (bottom - top).max(1.0));
            let width = self.width;
            self.span(y, 0, width).fill(colour);
        }
    }

    /// Rows from `top` to `bottom` laid over with a colour whose strength goes from one end's to the other's.
    pub(super) fn veil(&mut self, top: f32, bottom: f32, colour: Rgb, strength: (f32, f32)) {
        for y in to_count(top)..to_count(bottom.ceil()).min(self.height) {
            let t = (to_f32(y) - top) / (bottom - top).max(1.0);
            let alpha = alpha(strength.0 + (strength.1 - strength.0) * t);
            let width = self.width;
            for pixel in self.span(y, 0, width) {
                blend(pixel, colour, alpha);
            }
        }
    }

    /// A light that fades from its middle outwards.
    pub(super) fn glow(&mut self, (x, y): (f32, f32), radius: f32, colour: Rgb, strength: f32) {
        let inverse = 1.0 / (radius * radius).max(1.0);
        let (left, right) = (to_count(x - radius), to_count(x + radius + 1.0));
        for row in to_count(y - radius)..to_count(y + radius + 1.0).min(self.height) {
            let dy = to_f32(row) - y;
            let mut dx = to_f32(left) - x;
            for pixel in self.span(row, left, right) {
                let rest = 1.0 - (dx * dx + dy * dy) * inverse;
                if rest > 0.0 {
                    blend(pixel, colour, alpha(rest * rest * strength));
                }
                dx += 1.0;
            }
        }
    }

    /// A round spot with a clean edge.
    pub(super) fn disc(&mut self, (x, y): (f32, f32), radius: f32, colour: Rgb, strength: f32) {
        let reach = radius + 1.0;
        let (left, right) = (to_count(x - reach), to_count(x + reach + 1.0));
        for row in to_count(y - reach)..to_count(y + reach + 1.0).min(self.height) {
            let dy = to_f32(row) + 0.5 - y;
            let mut dx = to_f32(left) + 0.5 - x;
            for pixel in self.span(row, left, right) {
                let distance = (dx * dx + dy * dy).sqrt();
                if distance < radius + 0.5 {
                    blend(pixel, colour, alpha((radius + 0.5 - distance).min(1.0) * strength));
                }
                dx += 1.0;
            }
        }
    }

    /// A straight line that may change its width from one end to the other.
    pub(super) fn line(&mut self, from: (f32, f32), to: (f32, f32), widths: (f32, f32), colour: Rgb, strength: f32) {
        let ((ax, ay), (bx, by)) = (from, to);
        let (dx, dy) = (bx - ax, by - ay);
        let length2 = (dx * dx + dy * dy).max(0.0001);
        let reach = widths.0.max(widths.1) * 0.5 + 1.0;
        let (left, right) = (to_count(ax.min(bx) - reach), to_count(ax.max(bx) + reach + 1.0));
        for row in to_count(ay.min(by) - reach)..to_count(ay.max(by) + reach + 1.0).min(self.height) {
            let py = to_f32(row) + 0.5 - ay;
            let mut px = to_f32(left) + 0.5 - ax;
            for pixel in self.span(row, left, right) {
                let t = ((px * dx + py * dy) / length2).clamp(0.0, 1.0);
                let (ex, ey) = (px - dx * t, py - dy * t);
                let radius = (widths.0 + (widths.1 - widths.0) * t) * 0.5;
                // A line thinner than a pixel is a pixel wide and fainter.
                let cover = radius.max(0.5) + 0.5 - (ex * ex + ey * ey).sqrt();
                if cover > 0.0 {
                    blend(pixel, colour, alpha(cover.min(1.0) * strength * (radius * 2.0).min(1.0)));
                }
                px += 1.0;
            }
        }
    }

    /// Everything below a line of heights, one for each column: `top` at the line, `bottom` a `depth` below it.
    pub(super) fn ridge(&mut self, heights: &[f32], top: Rgb, bottom: Rgb, depth: f32) {
        let first = heights.iter().fold(self.h(), |least, height| least.min(*height));
        let width = self.width;
        // The colour depends on the depth below the line only, so it is worked out once for each depth.
        let shades: Vec<Rgb> = (0..=64_u8).map(|step| mix(top, bottom, f32::from(step) / 64.0)).collect();
        let scale = 64.0 / depth.max(1.0);
        let last = heights.iter().fold(0.0_f32, |most, height| most.max(*height)) + depth;
        for y in to_count(first)..self.height {
            let foot = to_f32(y) + 1.0;
            if foot > last {
                self.span(y, 0, width).fill(bottom);
                continue;
            }
            for (pixel, height) in self.span(y, 0, width).iter_mut().zip(heights) {
                let below = foot - *height;
                if below > 0.0 {
                    let colour = shades.get(to_count((below * scale).min(64.0))).copied().unwrap_or(bottom);
                    if below >= 1.0 { *pixel = colour } else { blend(pixel, colour, alpha(below)) }
                }
            }
        }
    }

    /// Lays `colour` over the rows from `top` on, as strongly as the field says.
    pub(super) fn fog(&mut self, field: &NoiseField, rows: (f32, f32), colour: Rgb, strength: f32) {
        let mut row = Vec::new();
        let width = self.width;
        for y in to_count(rows.0)..to_count(rows.1).min(self.height) {
            field.read_row(to_f32(y) - rows.0, 0, &mut row, width);
            for (pixel, value) in self.span(y, 0, width).iter_mut().zip(&row) {
                if *value > 0.004 {
                    blend(pixel, colour, alpha(*value * strength));
                }
            }
        }
    }

    /// The grain of the paper: a faint pattern over everything, that also keeps smooth skies from showing steps.
    pub(super) fn grain(&mut self, seed: u64, strength: f32) {
        let mut dice = Dice::for_part(seed, "grain");
        let grains: Vec<(Rgb, u32)> = (0..self.width.saturating_add(GRAIN_SHIFTS))
            .map(|_| ([if dice.is_lucky(0.5) { 255 } else { 0 }; 3], alpha(dice.unit() * strength)))
            .collect();
        let width = self.width;
        for y in 0..self.height {
            let row = grains.get(dice.below(GRAIN_SHIFTS)..).unwrap_or_default();
            for (pixel, (tone, strength)) in self.span(y, 0, width).iter_mut().zip(row) {
                blend(pixel, *tone, *strength);
            }
        }
    }
}
