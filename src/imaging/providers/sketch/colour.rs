//! Colours: eight bits a channel, mixed and lit by plain arithmetic so that every machine draws the same bytes.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Names of colours as people write them in prompts, with what they mean on this paper.
const NAMES: [(&str, Rgb); 46] = [
    ("red", [202, 52, 46]),
    ("crimson", [178, 28, 52]),
    ("scarlet", [214, 48, 32]),
    ("ruby", [168, 24, 60]),
    ("maroon", [112, 28, 36]),
    ("orange", [238, 132, 44]),
    ("amber", [244, 176, 56]),
    ("copper", [190, 104, 60]),
    ("bronze", [166, 112, 60]),
    ("gold", [230, 180, 60]),
    ("golden", [234, 186, 72]),
    ("yellow", [246, 208, 72]),
    ("lemon", [248, 226, 96]),
    ("cream", [246, 234, 206]),
    ("beige", [224, 204, 172]),
    ("brown", [128, 88, 58]),
    ("ginger", [214, 128, 60]),
    ("green", [74, 148, 78]),
    ("emerald", [32, 148, 100]),
    ("lime", [158, 206, 72]),
    ("olive", [128, 132, 60]),
    ("mint", [150, 218, 184]),
    ("jade", [62, 158, 122]),
    ("teal", [36, 136, 140]),
    ("turquoise", [64, 196, 196]),
    ("cyan", [70, 200, 222]),
    ("azure", [70, 146, 226]),
    ("blue", [56, 104, 196]),
    ("navy", [28, 44, 98]),
    ("indigo", [66, 54, 142]),
    ("violet", [134, 84, 186]),
    ("purple", [122, 66, 158]),
    ("lavender", [184, 160, 220]),
    ("lilac", [200, 162, 214]),
    ("magenta", [204, 58, 150]),
    ("pink", [240, 148, 178]),
    ("rose", [226, 108, 134]),
    ("peach", [250, 190, 150]),
    ("coral", [244, 122, 98]),
    ("salmon", [246, 146, 124]),
    ("white", [244, 242, 238]),
    ("silver", [190, 196, 204]),
    ("grey", [132, 136, 142]),
    ("gray", [132, 136, 142]),
    ("black", [34, 34, 42]),
    ("ebony", [38, 34, 36]),
];

/// The colour that a word names.
pub(super) fn named(word: &str) -> Option<Rgb> {
    NAMES.iter().find(|(name, _)| *name == word).map(|(_, colour)| *colour)
}

/// A number between 0 and 255 as a channel.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a byte first")]
fn channel(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + 0.5) as u8
}

/// From `a` (0) to `b` (1).
pub(super) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    let ([ar, ag, ab], [br, bg, bb]) = (a, b);
    let one = |a: u8, b: u8| channel(f32::from(a) + (f32::from(b) - f32::from(a)) * t);
    [one(ar, br), one(ag, bg), one(ab, bb)]
}

/// A colour under a light: each channel times the light's.
pub(super) fn lit([r, g, b]: Rgb, [lr, lg, lb]: [f32; 3]) -> Rgb {
    [channel(f32::from(r) * lr), channel(f32::from(g) * lg), channel(f32::from(b) * lb)]
}

/// Darker (below 1) or lighter (above 1).
pub(super) fn shade(colour: Rgb, factor: f32) -> Rgb {
    lit(colour, [factor, factor, factor])
}

/// How bright a colour looks, 0–1.
pub(super) fn brightness([r, g, b]: Rgb) -> f32 {
    (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)) / 255.0
}

/// Stronger (above 1) or greyer (below 1).
pub(super) fn saturate(colour: Rgb, factor: f32) -> Rgb {
    let grey = brightness(colour) * 255.0;
    let [r, g, b] = colour;
    let one = |value: u8| channel(grey + (f32::from(value) - grey) * factor);
    [one(r), one(g), one(b)]
}

/// The colour at `t` (0–1) of a scale of colours at equal distances.
pub(super) fn scale(colours: &[Rgb], t: f32) -> Rgb {
    let steps = colours.len().saturating_sub(1);
    let mut place = t.clamp(0.0, 1.0) * super::chance::to_f32(steps);
    for pair in colours.windows(2) {
        if let [a, b] = pair {
            if place <= 1.0 {
                return mix(*a, *b, place);
            }
            place -= 1.0;
        }
    }
    colours.last().copied().unwrap_or([128, 128, 128])
}

/// Lays `over` on `under`; `alpha` goes from 0 to 256.
#[expect(clippy::cast_possible_truncation, reason = "a weighted mean of two bytes is a byte")]
pub(super) fn blend(under: &mut Rgb, over: Rgb, alpha: u32) {
    let keep = 256 - alpha.min(256);
    let alpha = 256 - keep;
    let ([ur, ug, ub], [or, og, ob]) = (*under, over);
    *under = [
        ((ur as u32 * keep + or as u32 * alpha) >> 8) as u8,
        ((ug as u32 * keep + og as u32 * alpha) >> 8) as u8,
        ((ub as u32 * keep + ob as u32 * alpha) >> 8) as u8,
    ];
}

/// A share between 0 and 1 as [`blend`]'s 0 to 256.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0-1 first")]
pub(super) fn alpha(share: f32) -> u32 {
    (share.clamp(0.0, 1.0) * 256.0) as u32
}
