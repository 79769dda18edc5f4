//! Chance that is none: numbers, noise and waves that follow from a seed alone, on every machine alike.
//!
//! Only operations that IEEE 754 fixes to the bit are used (no `sin`, no `powf` of the platform).

/// A row of numbers that looks like chance (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Dice for one part of the picture, so that a change in one part leaves the others as they are.
    pub(super) fn for_part(seed: u64, part: &str) -> Self {
        Self(hash_text(part) ^ mixed(seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f32 {
        unit_of(self.next())
    }

    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// 0 up to, not including, `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).unwrap_or(1);
        usize::try_from(self.next() % count).unwrap_or(0)
    }

    pub(super) fn is_lucky(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        from.get(self.below(from.len())).copied().unwrap_or(otherwise)
    }
}

const fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from a text (FNV-1a, then mixed).
pub(super) fn hash_text(text: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mixed(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The upper 24 bits as a fraction: all that an `f32` can hold exactly.
fn unit_of(bits: u64) -> f32 {
    to_f32(usize::try_from(bits >> 40).unwrap_or(0)) / 16_777_216.0
}

/// A count as a fraction; counts here stay far below the 24 bits that are exact.
pub(super) const fn to_f32(count: usize) -> f32 {
    count as f32
}

/// The whole part of a number, 0 where it is negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
pub(super) const fn to_count(value: f32) -> usize {
    value as usize
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
const fn to_i64(value: f32) -> i64 {
    value as i64
}

/// A wave of length 1 between -1 and 1: a parabola with a correction, within 0.001 of a sine.
pub(super) fn wave(turns: f32) -> f32 {
    let t = turns - turns.floor();
    let x = if t > 0.5 { t - 1.0 } else { t };
    let y = 8.0 * x - 16.0 * x * x.abs();
    0.225 * (y * y.abs() - y) + y
}

/// From 0 to 1 without a corner, between `low` and `high`.
pub(super) fn smooth(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A number from 0 to 1 that belongs to a corner of the grid.
fn corner(x: i64, y: i64, seed: u64) -> f32 {
    let x = x.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let y = y.cast_unsigned().wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    unit_of(mixed(x ^ y.rotate_left(32) ^ seed))
}

/// Smooth noise along a line, 0–1.
pub(super) fn noise1(x: f32, seed: u64) -> f32 {
    let cell = x.floor();
    let t = smooth(0.0, 1.0, x - cell);
    let (a, b) = (corner(to_i64(cell), 0, seed), corner(to_i64(cell) + 1, 0, seed));
    a + (b - a) * t
}

/// Smooth noise on a plane, 0–1.
pub(super) fn noise2(x: f32, y: f32, seed: u64) -> f32 {
    let (cx, cy) = (x.floor(), y.floor());
    let (tx, ty) = (smooth(0.0, 1.0, x - cx), smooth(0.0, 1.0, y - cy));
    let (ix, iy) = (to_i64(cx), to_i64(cy));
    let top = corner(ix, iy, seed) * (1.0 - tx) + corner(ix + 1, iy, seed) * tx;
    let bottom = corner(ix, iy + 1, seed) * (1.0 - tx) + corner(ix + 1, iy + 1, seed) * tx;
    top + (bottom - top) * ty
}

/// Noise with finer noise on it, 0–1, along a line.
pub(super) fn rough1(x: f32, octaves: u32, seed: u64) -> f32 {
    let (mut sum, mut weight, mut total, mut x) = (0.0, 0.5, 0.0, x);
    for octave in 0..octaves {
        sum += weight * noise1(x, seed.wrapping_add(u64::from(octave)));
        total += weight;
        weight *= 0.5;
        x = x * 2.0 + 0.37;
    }
    sum / total
}

/// Noise with finer noise on it, 0–1, on a plane.
pub(super) fn rough2(x: f32, y: f32, octaves: u32, seed: u64) -> f32 {
    let (mut sum, mut weight, mut total, mut x, mut y) = (0.0, 0.5, 0.0, x, y);
    for octave in 0..octaves {
        sum += weight * noise2(x, y, seed.wrapping_add(u64::from(octave)));
        total += weight;
        weight *= 0.5;
        x = x * 2.0 + 0.37;
        y = y * 2.0 + 0.71;
    }
    sum / total
}

/// Noise worked out on a coarse grid once and read smoothly in between: cheap for a whole sky.
pub(super) struct NoiseField {
    columns: usize,
    values: Vec<f32>,
    cell: f32,
}

impl NoiseField {
    /// Covers `width` × `height` pixels in cells of `cell` pixels; `at` gives the value at a pixel.
    pub(super) fn new(width: f32, height: f32, cell: f32, at: impl Fn(f32, f32) -> f32) -> Self {
        let (columns, rows) = (to_count(width / cell) + 3, to_count(height / cell) + 3);
        let mut values = Vec::with_capacity(columns.saturating_mul(rows));
        for row in 0..rows {
            for column in 0..columns {
                values.push(at(to_f32(column) * cell, to_f32(row) * cell));
            }
        }
        Self { columns, values, cell }
    }

    /// The values of the pixels from `from` on along the row `y`, written over `out`.
    pub(super) fn read_row(&self, y: f32, from: usize, out: &mut Vec<f32>, count: usize) {
        out.clear();
        let place = y.max(0.0) / self.cell;
        let row = to_count(place);
        let down = place - to_f32(row);
        let line = |row: usize| {
            let start = row.saturating_mul(self.columns);
            self.values.get(start..start.saturating_add(self.columns)).unwrap_or_default()
        };
        // The two grid lines are mixed once; what is left for each pixel is one step along the mix.
        let mixed: Vec<f32> =
            line(row).iter().zip(line(row + 1)).map(|(upper, lower)| upper + (lower - upper) * down).collect();
        let step = 1.0 / self.cell;
        let mut along = to_f32(from) * step;
        for _ in 0..count {
            let column = to_count(along);
            let (Some(a), Some(b)) = (mixed.get(column), mixed.get(column + 1)) else { break };
            out.push(a + (b - a) * (along - to_f32(column)));
            along += step;
        }
        out.resize(count, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wave_is_a_sine_to_a_thousandth() {
        for step in 0..=400_u16 {
            let turns = f32::from(step) / 100.0 - 2.0;
            let sine = (turns * std::f32::consts::TAU).sin();
            assert!((wave(turns) - sine).abs() < 0.0012, "{turns}");
        }
    }

    #[test]
    fn chance_and_noise_stay_in_their_range() {
        let mut dice = Dice::for_part(7, "test");
        for _ in 0..1000 {
            let (x, y) = (dice.range(-50.0, 50.0), dice.range(-50.0, 50.0));
            assert!((0.0..=1.0).contains(&rough2(x, y, 4, 3)));
            assert!((0.0..=1.0).contains(&rough1(x, 4, 3)));
            assert!(dice.below(3) < 3);
        }
    }
}
