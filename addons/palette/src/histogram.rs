//! Counting colours, and choosing those that stand for a picture.

use serde::Serialize;

/// Bits of each channel that tell colours apart while counting: 4096 bins.
const BITS: u32 = 4;
/// Squared distance below which two bins are one colour to the eye; 48 steps of one channel.
const NEAR: i64 = 48 * 48;
/// Pixels more transparent than this are not seen.
const LEAST_ALPHA: u8 = 16;

/// A colour and the part of the visible picture that it covers.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Colour {
    pub(crate) hex: String,
    pub(crate) share: f64,
}

/// Pixels by rough colour.
pub(crate) struct Histogram {
    bins: Vec<Bin>,
}

#[derive(Clone, Copy, Default)]
struct Bin {
    count: u64,
    sums: [u64; 3],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![Bin::default(); 1 << (3 * BITS)] }
    }
}

impl Histogram {
    /// Counts one pixel.
    pub(crate) fn add(&mut self, [red, green, blue]: [u8; 3], alpha: u8) {
        if alpha < LEAST_ALPHA {
            return;
        }
        let rough = |channel: u8| usize::from(channel >> (8 - BITS));
        let index = rough(red) << (2 * BITS) | rough(green) << BITS | rough(blue);
        if let Some(bin) = self.bins.get_mut(index) {
            bin.add(&Bin { count: 1, sums: [red.into(), green.into(), blue.into()] });
        }
    }

    /// The colours that cover most, largest share first.
    pub(crate) fn dominant(self, count: usize) -> Vec<Colour> {
        let mut bins: Vec<Bin> = self.bins.into_iter().filter(|bin| bin.count > 0).collect();
        let total: u64 = bins.iter().map(|bin| bin.count).sum();
        bins.sort_by_key(|bin| std::cmp::Reverse(bin.count));
        let mut groups: Vec<(Bin, Bin)> = Vec::new();
        for bin in bins {
            // Compared with the bin that began the group: a group must not drift through a gradient.
            match groups.iter_mut().find(|(first, _)| first.distance(&bin) < NEAR) {
                Some((_, sum)) => sum.add(&bin),
                None => groups.push((bin, bin)),
            }
        }
        groups.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.count));
        groups.iter().take(count).map(|(_, sum)| sum.colour(total)).collect()
    }
}

impl Bin {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more;
        }
    }

    fn mean(&self) -> [u8; 3] {
        self.sums.map(|sum| u8::try_from((sum + self.count / 2) / self.count.max(1)).unwrap_or(u8::MAX))
    }

    fn distance(&self, other: &Self) -> i64 {
        let difference = |(mine, theirs): (u8, u8)| i64::from(mine) - i64::from(theirs);
        self.mean().into_iter().zip(other.mean()).map(difference).map(|difference| difference * difference).sum()
    }

    fn colour(&self, total: u64) -> Colour {
        let [red, green, blue] = self.mean();
        let thousandths = (self.count * 1000 + total / 2) / total.max(1);
        Colour {
            hex: format!("#{red:02x}{green:02x}{blue:02x}"),
            share: f64::from(u32::try_from(thousandths).unwrap_or(1000)) / 1000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_by_share_and_near_ones_are_one() {
        let mut histogram = Histogram::default();
        for _ in 0..60 {
            histogram.add([255, 0, 0], 255);
        }
        for shade in 0..30 {
            histogram.add([0, 0, 200 + shade], 255);
        }
        for _ in 0..10 {
            histogram.add([0, 255, 0], 255);
        }
        for _ in 0..500 {
            histogram.add([9, 9, 9], 0);
        }
        let colours = histogram.dominant(3);
        let told: Vec<(&str, f64)> = colours.iter().map(|colour| (colour.hex.as_str(), colour.share)).collect();
        assert_eq!(told, [("#ff0000", 0.6), ("#0000d7", 0.3), ("#00ff00", 0.1)]);
    }

    #[test]
    fn an_invisible_picture_has_no_colours() {
        let mut histogram = Histogram::default();
        histogram.add([1, 2, 3], 0);
        assert_eq!(histogram.dominant(5), []);
    }
}
