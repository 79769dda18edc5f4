//! An error and everything behind it, in one line.

use std::error::Error;

/// The error and its causes, outermost first. A cause that an outer text repeats already is left out: many libraries
/// print their source and hand it on as well.
#[must_use]
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string().trim_end().to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(said.trim()) {
            text.push_str(": ");
            text.push_str(said.trim());
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Layer { text, source: layers(rest) }))
    }

    #[test]
    fn a_cause_is_told_once() {
        for (texts, expected) in [
            (
                &["Redis is away", "Connection refused (os error 111)", "Connection refused (os error 111)"][..],
                "Redis is away: Connection refused (os error 111)",
            ),
            (
                &["the settings do not fit: unknown field `x`\n; see there", "unknown field `x`\n"][..],
                "the settings do not fit: unknown field `x`\n; see there",
            ),
            (&["one", "two", "three"][..], "one: two: three"),
        ] {
            assert_eq!(layers(texts).map(|error| in_one_line(&*error)).as_deref(), Some(expected));
        }
    }
}
