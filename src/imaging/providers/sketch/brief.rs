//! What a prompt asks for, as far as a sketcher with a small dictionary understands it.

use super::colour::{Rgb, named};

/// Where the picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Garden,
    Meadow,
    Sea,
    Beach,
    Lake,
    Mountains,
    Forest,
    Desert,
    City,
    Space,
    Room,
    Abstract,
}

/// What time it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hour {
    Dawn,
    Day,
    Sunset,
    Night,
}

/// What the air does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    Clear,
    Cloudy,
    Mist,
    Rain,
    Storm,
    Snow,
}

/// A thing in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Cat,
    Dog,
    Bird,
    Butterfly,
    Lighthouse,
    Boat,
    House,
    Castle,
    Balloon,
    Bridge,
    Cactus,
    Camel,
    Palm,
    Tree,
    Flower,
    Planet,
    Rocket,
    Rainbow,
    Moon,
}

/// What a colour word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Sky,
    Land,
    Water,
    Leaf,
    Flower,
    Wall,
    Subject,
}

/// A prompt, understood.
#[derive(Clone, Debug)]
pub(super) struct Brief {
    pub(super) setting: Setting,
    pub(super) hour: Hour,
    pub(super) weather: Weather,
    pub(super) subjects: Vec<Subject>,
    colours: Vec<(Part, Rgb)>,
    /// Colours that belong to nothing in particular, in the order of the prompt.
    pub(super) accents: Vec<Rgb>,
    /// How strong the colours are: 1 is plain.
    pub(super) vividness: f32,
    /// Whether the words say calm.
    pub(super) is_calm: bool,
    /// The words that were understood, for the label.
    pub(super) understood: Vec<String>,
}

/// Words for places: the place that is named most often, and of those the first in this list.
const PLACES: [(Setting, &str); 11] = [
    (Setting::Garden, "garden gardens park orchard courtyard terrace flowerbed zen"),
    (Setting::Space, "space galaxy nebula cosmos cosmic universe orbit astronaut"),
    (Setting::Desert, "desert dune dunes sahara oasis canyon mesa wasteland mars sand"),
    (Setting::Beach, "beach island tropical coast shore lagoon"),
    (Setting::Lake, "lake river pond stream waterfall fjord reflection canal"),
    (Setting::Sea, "sea ocean waves wave harbor harbour marine underwater"),
    (Setting::Mountains, "mountain mountains peak peaks alps alpine himalaya summit cliff cliffs volcano"),
    (Setting::Forest, "forest woods woodland jungle grove trees pines rainforest"),
    (
        Setting::City,
        "city skyline town metropolis street urban skyscraper skyscrapers downtown cyberpunk tokyo york paris london",
    ),
    (Setting::Meadow, "meadow field fields hill hills countryside prairie valley farm village grass landscape"),
    (Setting::Abstract, "abstract geometric pattern shapes swirl fractal"),
];

/// Where things are when no place is named.
const HABITATS: [(Setting, &str); 8] = [
    (Setting::Room, "room window windowsill kitchen bedroom cat cats kitten kitty tabby dog puppy indoors sofa"),
    (Setting::Sea, "lighthouse beacon ship ships boat boats sailboat sailing yacht whale seagull seagulls"),
    (Setting::Mountains, "castle fortress eagle dragon"),
    (Setting::Desert, "cactus cacti camel camels caravan pyramid"),
    (Setting::Beach, "palm palms"),
    (Setting::Space, "planet planets rocket spaceship saturn stars"),
    (Setting::Garden, "flower flowers rose roses tulip tulips butterfly butterflies blossom blossoms bridge"),
    (
        Setting::Meadow,
        "house cottage cabin barn tree oak windmill balloon balloons rainbow sky cloud clouds bird birds sunflowers moon sunset sunrise",
    ),
];

const HOURS: [(Hour, &str); 4] = [
    (Hour::Night, "night midnight moonlit moonlight moon stars starry dark nighttime nocturnal"),
    (Hour::Sunset, "sunset dusk evening twilight golden sundown"),
    (Hour::Dawn, "dawn sunrise morning daybreak"),
    (Hour::Day, "day noon midday sunny daylight afternoon"),
];

const WEATHERS: [(Weather, &str); 6] = [
    (Weather::Storm, "storm stormy thunder thunderstorm lightning tempest hurricane raging"),
    (Weather::Snow, "snow snowy winter snowfall blizzard ice icy frozen christmas arctic"),
    (Weather::Rain, "rain rainy raining drizzle wet"),
    (Weather::Mist, "mist misty fog foggy haze hazy smoke"),
    (Weather::Cloudy, "cloud clouds cloudy overcast"),
    (Weather::Clear, "clear sunny cloudless"),
];

const SUBJECTS: [(Subject, &str); 19] = [
    (Subject::Cat, "cat cats kitten kitty tabby feline"),
    (Subject::Dog, "dog dogs puppy hound"),
    (Subject::Bird, "bird birds seagull seagulls gull gulls geese swallow swallows crow crows eagle"),
    (Subject::Butterfly, "butterfly butterflies"),
    (Subject::Lighthouse, "lighthouse beacon"),
    (Subject::Boat, "boat boats ship ships sailboat sailing yacht"),
    (Subject::House, "house cottage cabin hut home farm village farmhouse barn"),
    (Subject::Castle, "castle fortress palace tower"),
    (Subject::Balloon, "balloon balloons"),
    (Subject::Bridge, "bridge zen japanese"),
    (Subject::Cactus, "cactus cacti saguaro"),
    (Subject::Camel, "camel camels caravan"),
    (Subject::Palm, "palm palms tropical oasis island"),
    (Subject::Tree, "tree oak willow cherry maple blossom"),
    (
        Subject::Flower,
        "flower flowers rose roses tulip tulips daisies blossoms bloom lavender poppies sunflower sunflowers",
    ),
    (Subject::Planet, "planet planets saturn"),
    (Subject::Rocket, "rocket spaceship"),
    (Subject::Rainbow, "rainbow"),
    (Subject::Moon, "moon moonlit moonlight"),
];

const PARTS: [(Part, &str); 7] = [
    (Part::Sky, "sky sunset sunrise dawn dusk clouds cloud night light"),
    (
        Part::Land,
        "desert dunes dune sand hills hill mountains mountain land rocks rock field fields meadow canyon beach mars",
    ),
    (Part::Water, "sea ocean lake river water waves pond lagoon"),
    (Part::Leaf, "tree trees forest leaves grass garden jungle foliage"),
    (Part::Flower, "flower flowers roses rose tulips tulip blossom blossoms petals poppies garden"),
    (Part::Wall, "wall room city house houses cottage castle bridge door building buildings"),
    (Part::Subject, "cat kitten dog puppy boat ship sailboat lighthouse balloon bird birds butterfly planet rocket"),
];

const CALM: &str = "serene calm peaceful quiet tranquil zen still gentle";
const VIVID: &str = "vivid vibrant colourful colorful neon bright dramatic psychedelic";
const MUTED: &str = "natural muted pastel soft subdued faded minimalist watercolour watercolor vintage";

impl Brief {
    /// Reads `prompt` and `style`; what `negative` names is left out.
    pub(super) fn read(prompt: &str, style: &str, negative: &str) -> Self {
        let unwanted = words(negative);
        let words: Vec<String> =
            words(&format!("{prompt} {style}")).into_iter().filter(|word| !unwanted.contains(word)).collect();
        let has = |list: &str| words.iter().any(|word| is_in(word, list));
        let subjects: Vec<Subject> =
            SUBJECTS.iter().filter(|(_, list)| has(list)).map(|(subject, _)| *subject).collect();
        let (colours, accents) = colours_of(&words);
        let vividness = if has(VIVID) {
            1.25
        } else if has(MUTED) {
            0.75
        } else {
            1.0
        };
        let known = |word: &&String| lists().any(|list| is_in(word, list)) || named(word).is_some();
        Self {
            setting: setting_of(&words),
            // Calm pictures are morning pictures, unless they say otherwise.
            hour: first(&words, &HOURS).unwrap_or(if has(CALM) { Hour::Dawn } else { Hour::Day }),
            weather: WEATHERS.iter().find(|(_, list)| has(list)).map_or(Weather::Clear, |(weather, _)| *weather),
            subjects,
            colours,
            accents,
            vividness,
            is_calm: has(CALM),
            understood: words.iter().filter(known).cloned().collect(),
        }
    }

    pub(super) fn has(&self, subject: Subject) -> bool {
        self.subjects.contains(&subject)
    }

    /// The colour that the prompt gives to `part`.
    pub(super) fn colour_of(&self, part: Part) -> Option<Rgb> {
        self.colours.iter().find(|(of, _)| *of == part).map(|(_, colour)| *colour)
    }
}

fn lists() -> impl Iterator<Item = &'static str> {
    let settings = PLACES.iter().chain(&HABITATS).map(|(_, list)| *list);
    let hours = HOURS.iter().map(|(_, list)| *list);
    let weathers = WEATHERS.iter().map(|(_, list)| *list);
    let subjects = SUBJECTS.iter().map(|(_, list)| *list);
    settings.chain(hours).chain(weathers).chain(subjects).chain([CALM, VIVID, MUTED])
}

fn words(text: &str) -> Vec<String> {
    let split = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    split.take(400).map(str::to_lowercase).collect()
}

fn is_in(word: &str, list: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

fn setting_of(words: &[String]) -> Setting {
    named_most(words, &PLACES).or_else(|| named_most(words, &HABITATS)).unwrap_or(Setting::Abstract)
}

fn named_most(words: &[String], table: &[(Setting, &str)]) -> Option<Setting> {
    let mut best = (None, 0);
    for (setting, list) in table {
        let count = words.iter().filter(|word| is_in(word, list)).count();
        if count > best.1 {
            best = (Some(*setting), count);
        }
    }
    best.0
}

fn first<T: Copy>(words: &[String], table: &[(T, &str)]) -> Option<T> {
    words.iter().find_map(|word| table.iter().find(|(_, list)| is_in(word, list)).map(|(value, _)| *value))
}

/// Colour words with what stands up to two words behind them, and those that stand alone.
fn colours_of(words: &[String]) -> (Vec<(Part, Rgb)>, Vec<Rgb>) {
    let (mut owned, mut alone) = (Vec::new(), Vec::new());
    for (index, word) in words.iter().enumerate() {
        let Some(colour) = named(word) else { continue };
        let behind: Vec<&String> = words.iter().skip(index + 1).take(2).collect();
        let before = owned.len();
        for (part, list) in PARTS {
            if behind.iter().any(|word| is_in(word, list)) {
                owned.push((part, colour));
            }
        }
        if owned.len() == before {
            alone.push(colour);
        }
    }
    (owned, alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_read_for_place_time_and_weather() {
        for (prompt, setting, hour, weather) in [
            ("A serene garden", Setting::Garden, Hour::Dawn, Weather::Clear),
            ("a serene garden at night", Setting::Garden, Hour::Night, Weather::Clear),
            ("a lighthouse in a storm at night", Setting::Sea, Hour::Night, Weather::Storm),
            ("red desert at sunset", Setting::Desert, Hour::Sunset, Weather::Clear),
            ("a cat", Setting::Room, Hour::Day, Weather::Clear),
            ("snowy mountains", Setting::Mountains, Hour::Day, Weather::Snow),
            ("the sound of one hand", Setting::Abstract, Hour::Day, Weather::Clear),
        ] {
            let brief = Brief::read(prompt, "", "");
            assert_eq!((brief.setting, brief.hour, brief.weather), (setting, hour, weather), "{prompt}");
        }
    }

    #[test]
    fn a_colour_belongs_to_the_word_behind_it() {
        let brief = Brief::read("a black cat under a pink sky, purple", "", "");
        assert_eq!(brief.colour_of(Part::Subject), named("black"));
        assert_eq!(brief.colour_of(Part::Sky), named("pink"));
        assert_eq!(brief.accents, [named("purple").unwrap_or_default()]);
    }

    #[test]
    fn what_is_not_wanted_is_not_drawn() {
        assert!(!Brief::read("a garden with a cat", "", "cat").has(Subject::Cat));
    }
}
