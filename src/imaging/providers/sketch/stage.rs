//! Where a scene is painted: the paper, the brief, the light, and chance for each part of it.

use super::brief::{Brief, Hour, Part, Weather};
use super::canvas::Canvas;
use super::chance::Dice;
use super::colour::{Rgb, lit, mix, saturate, shade};

/// Everything that a painting step needs.
pub(super) struct Stage<'a> {
    pub(super) canvas: &'a mut Canvas,
    pub(super) brief: &'a Brief,
    pub(super) light: Light,
    pub(super) seed: u64,
}

impl Stage<'_> {
    pub(super) fn dice(&self, part: &str) -> Dice {
        Dice::for_part(self.seed, part)
    }

    /// Width, height and the shorter of them, in pixels.
    pub(super) const fn measures(&self) -> (f32, f32, f32) {
        (self.canvas.w(), self.canvas.h(), self.canvas.unit())
    }

    /// A daylight colour as it looks close by in this light.
    pub(super) fn near(&self, colour: Rgb) -> Rgb {
        lit(saturate(colour, self.brief.vividness), self.light.ambient)
    }

    /// A daylight colour as it looks through `distance` (0–1) of this air.
    pub(super) fn far(&self, colour: Rgb, distance: f32) -> Rgb {
        mix(self.near(colour), self.light.haze, distance)
    }
}

/// What light does to colours here and now.
#[derive(Clone, Debug)]
pub(super) struct Light {
    /// From the zenith down to the horizon.
    pub(super) sky: [Rgb; 4],
    /// What distant things fade into.
    pub(super) haze: Rgb,
    /// How much of each channel falls on things.
    pub(super) ambient: [f32; 3],
    /// The sun or the moon.
    pub(super) source: Rgb,
    /// The lit and the shaded side of clouds.
    pub(super) clouds: (Rgb, Rgb),
    /// Whether lamps are lit.
    pub(super) is_dark: bool,
}

type Look = ([Rgb; 4], [f32; 3], Rgb, (Rgb, Rgb));

const DAWN: [Look; 2] = [
    (
        [[120, 160, 204], [170, 196, 220], [244, 214, 204], [255, 232, 196]],
        [1.02, 0.95, 0.92],
        [255, 244, 214],
        ([255, 236, 224], [196, 182, 204]),
    ),
    (
        [[112, 140, 196], [176, 174, 214], [246, 196, 196], [254, 224, 184]],
        [1.0, 0.92, 0.92],
        [255, 240, 208],
        ([255, 226, 214], [186, 164, 196]),
    ),
];
const DAY: [Look; 2] = [
    (
        [[58, 124, 200], [104, 166, 224], [166, 208, 238], [218, 236, 244]],
        [1.0, 1.0, 0.98],
        [255, 250, 228],
        ([255, 255, 255], [188, 204, 222]),
    ),
    (
        [[44, 130, 190], [98, 178, 214], [172, 216, 228], [232, 240, 230]],
        [1.02, 1.0, 0.95],
        [255, 248, 220],
        ([255, 254, 250], [190, 206, 216]),
    ),
];
const SUNSET: [Look; 2] = [
    (
        [[52, 44, 96], [150, 70, 116], [238, 120, 84], [255, 200, 112]],
        [0.92, 0.68, 0.62],
        [255, 236, 176],
        ([255, 178, 122], [138, 66, 104]),
    ),
    (
        [[40, 56, 112], [116, 84, 142], [232, 128, 120], [255, 206, 140]],
        [0.9, 0.7, 0.68],
        [255, 232, 186],
        ([255, 170, 140], [120, 74, 124]),
    ),
];
const NIGHT: [Look; 2] = [
    (
        [[8, 14, 38], [16, 28, 64], [30, 48, 92], [62, 80, 122]],
        [0.3, 0.36, 0.54],
        [244, 240, 220],
        ([92, 106, 146], [30, 40, 74]),
    ),
    (
        [[12, 10, 40], [28, 22, 70], [54, 40, 100], [90, 70, 128]],
        [0.32, 0.34, 0.54],
        [246, 238, 222],
        ([104, 94, 150], [36, 30, 76]),
    ),
];

impl Light {
    pub(super) fn of(brief: &Brief, seed: u64) -> Self {
        let looks = match brief.hour {
            Hour::Dawn => &DAWN,
            Hour::Day => &DAY,
            Hour::Sunset => &SUNSET,
            Hour::Night => &NIGHT,
        };
        let [first, _] = looks;
        let (sky, ambient, source, clouds) = Dice::for_part(seed, "light").pick(looks, *first);
        let haze = mix(sky[3], sky[2], 0.35);
        let mut light = Self { sky, haze, ambient, source, clouds, is_dark: brief.hour == Hour::Night };
        light.weather(brief.weather);
        if let Some(colour) = brief.colour_of(Part::Sky) {
            light.tint(lit(colour, [light.level(), light.level(), light.level()]), 0.55);
        }
        for part in &mut light.sky {
            *part = saturate(*part, brief.vividness);
        }
        light
    }

    /// How bright it is, 0–1.
    fn level(&self) -> f32 {
        let [r, g, b] = self.ambient;
        ((r + g + b) / 3.0).min(1.0)
    }

    fn tint(&mut self, colour: Rgb, strength: f32) {
        for (part, share) in self.sky.iter_mut().zip([1.0, 0.9, 0.7, 0.45]) {
            *part = mix(*part, colour, strength * share);
        }
        self.haze = mix(self.haze, colour, strength * 0.5);
        self.clouds.0 = mix(self.clouds.0, colour, strength * 0.3);
    }

    fn weather(&mut self, weather: Weather) {
        let (grey, strength, dim) = match weather {
            Weather::Clear => return,
            Weather::Cloudy => ([196, 204, 214], 0.3, 0.94),
            Weather::Mist => ([222, 224, 222], 0.5, 0.95),
            Weather::Rain => ([128, 140, 152], 0.6, 0.78),
            Weather::Storm => ([64, 72, 86], 0.72, 0.62),
            Weather::Snow => ([222, 228, 236], 0.45, 0.98),
        };
        let grey = shade(grey, 0.25 + 0.75 * self.level());
        self.tint(grey, strength);
        self.haze = mix(self.haze, grey, strength * 0.6);
        self.clouds = (mix(self.clouds.0, grey, strength * 0.7), mix(self.clouds.1, shade(grey, 0.6), strength));
        if weather == Weather::Storm {
            // Storm clouds are darker than the sky behind them, and torn edges catch what light there is.
            self.clouds = (mix(shade(grey, 1.9), self.source, 0.12), shade(grey, 0.42));
        }
        for channel in &mut self.ambient {
            *channel *= dim;
        }
        self.is_dark = self.is_dark || weather == Weather::Storm;
    }
}
