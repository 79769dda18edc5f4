//! Names of events as addons write them: the platform's own, and those of other addons.
//!
//! An addon emits plain topics (`weather.changed`). Who listens names either the topic alone, and hears it from whichever
//! of the user's addons emits it, or the addon too (`acme.weather-art/weather.changed`), and hears it from no other.

use crate::model::event::EventType;
use crate::model::id::AddonId;

/// Words that topics of the platform begin with.
const RESERVED: [&str; 3] = ["job.", "addon.", "batch."];

/// The platform's own topics: how the user's jobs end.
#[must_use]
pub fn of_platform(topic: &str) -> Option<EventType> {
    EventType::TERMINAL.into_iter().find(|event| event.as_str() == topic)
}

/// Why an addon may not emit a topic of this name, in the place of which it would be mistaken for another one.
#[must_use]
pub fn emit_fault(topic: &str) -> Option<String> {
    if RESERVED.iter().any(|word| topic.starts_with(word)) {
        return Some(format!("`{topic}` is the platform's own; topics of addons begin with another word"));
    }
    topic
        .contains('/')
        .then(|| format!("`{topic}` has a `/`, which parts an addon from its topic where it is listened to"))
}

/// Why nobody can ever hear this.
#[must_use]
pub fn handle_fault(handled: &str) -> Option<String> {
    let (addon, topic) = parted(handled);
    if let Some(addon) = addon {
        return match AddonId::parse(addon) {
            Err(error) => Some(format!("`{handled}` names no addon before its `/`: {error}")),
            Ok(_) => emit_fault(topic),
        };
    }
    if of_platform(topic).is_some() {
        return None;
    }
    emit_fault(topic).map(|_| {
        let own: Vec<&str> = EventType::TERMINAL.iter().map(|event| event.as_str()).collect();
        format!("`{handled}` is nothing that addons hear; of the platform's own topics they hear {}", own.join(", "))
    })
}

/// Under which of its declared names a listener hears what `emitter` emits; the one that names the addon comes first.
#[must_use]
pub fn heard_as<'a>(handles: &'a [String], emitter: &AddonId, topic: &str) -> Option<&'a str> {
    let is_whole = |handled: &&String| parted(handled) == (Some(emitter.as_str()), topic);
    let whole = handles.iter().find(is_whole);
    whole.or_else(|| handles.iter().find(|handled| handled.as_str() == topic)).map(String::as_str)
}

fn parted(handled: &str) -> (Option<&str>, &str) {
    handled.split_once('/').map_or((None, handled), |(addon, topic)| (Some(addon), topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_addon_does_not_speak_for_the_platform() {
        for (topic, is_good) in
            [("weather.changed", true), ("job.completed", false), ("addon.enabled", false), ("a.b/c", false)]
        {
            assert_eq!(emit_fault(topic).is_none(), is_good, "{topic}");
        }
    }

    #[test]
    fn what_can_be_listened_to() {
        for (handled, is_good) in [
            ("job.completed", true),
            ("job.failed", true),
            ("job.cancelled", true),
            ("job.progress", false),
            ("weather.changed", true),
            ("acme.weather-art/weather.changed", true),
            ("acme/weather.changed", false),
            ("acme.weather-art/job.completed", false),
        ] {
            assert_eq!(handle_fault(handled).is_none(), is_good, "{handled}");
        }
    }

    #[test]
    fn who_names_the_addon_hears_no_other() -> Result<(), Box<dyn std::error::Error>> {
        let (acme, evil) = (AddonId::parse("acme.weather-art")?, AddonId::parse("evil.weather-art")?);
        let whole = vec![String::from("acme.weather-art/weather.changed")];
        let both = vec![String::from("weather.changed"), String::from("acme.weather-art/weather.changed")];
        assert_eq!(heard_as(&whole, &acme, "weather.changed"), Some("acme.weather-art/weather.changed"));
        assert_eq!(heard_as(&whole, &evil, "weather.changed"), None);
        assert_eq!(heard_as(&both, &acme, "weather.changed"), Some("acme.weather-art/weather.changed"));
        assert_eq!(heard_as(&both, &evil, "weather.changed"), Some("weather.changed"));
        assert_eq!(heard_as(&both, &acme, "weather.gone"), None);
        Ok(())
    }
}
