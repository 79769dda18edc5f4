//! What a guest says, bounded: lines are counted, cut and cleaned before they are kept.
//!
//! Three sources share one budget: the contract's `log`, standard output and
//! standard error. Errors have a reserve, on standard error and in `log`, so that a
//! guest that logged too much still gets its last words, its traceback or the
//! message of its panic, into the job's log.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::limits::CallLimits;

/// Lines of standard error, and errors of `log`, that are kept although the budget is used up: a traceback fits.
const ERROR_RESERVE_LINES: usize = 64;
/// Fields of one line that are kept.
const MAX_FIELDS: usize = 16;
/// Bytes of a field's name that are kept.
const MAX_FIELD_NAME_BYTES: usize = 64;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// The contract's `log`.
    Log,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For the author.
    Debug,
    /// For the operator.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// The level as logs write it, such as `warn`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line that a guest logged: cleaned of control characters, cut to size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How grave.
    pub level: LogLevel,
    /// Where from.
    pub source: LogSource,
    /// What it says.
    pub message: String,
    /// The line's attributes.
    pub fields: Vec<(String, String)>,
}

/// The lines of one call.
#[derive(Debug)]
pub(super) struct LogBook {
    lines: Vec<LogLine>,
    dropped: u64,
    bytes: usize,
    max_lines: usize,
    max_line_bytes: usize,
    max_bytes: usize,
    stdout: Partial,
    stderr: Partial,
}

/// The beginning of a line whose end has not been written yet.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    is_cut: bool,
}

/// The book that a call's state and its output streams share.
pub(super) type SharedLogBook = Arc<Mutex<LogBook>>;

impl LogBook {
    pub(super) fn new(limits: &CallLimits) -> Self {
        Self {
            lines: Vec::new(),
            dropped: 0,
            bytes: 0,
            max_lines: limits.log_lines,
            max_line_bytes: limits.log_line.as_usize(),
            max_bytes: limits.log_bytes.as_usize(),
            stdout: Partial::default(),
            stderr: Partial::default(),
        }
    }

    /// Whether the next line of `source` would be dropped: saves the work of preparing it.
    fn is_full_for(&self, source: LogSource, level: LogLevel) -> bool {
        let reserve = match (source, level) {
            (LogSource::Stderr, _) | (LogSource::Log, LogLevel::Error) => ERROR_RESERVE_LINES,
            (LogSource::Log | LogSource::Stdout, _) => 0,
        };
        let byte_reserve = reserve.saturating_mul(self.max_line_bytes);
        self.lines.len() >= self.max_lines.saturating_add(reserve)
            || self.bytes >= self.max_bytes.saturating_add(byte_reserve)
    }

    fn keep(&mut self, line: LogLine) {
        let of_fields: usize = line.fields.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
        self.bytes = self.bytes.saturating_add(line.message.len()).saturating_add(of_fields);
        self.lines.push(line);
    }

    /// Keeps a line of the contract's `log`.
    pub(super) fn log(&mut self, level: LogLevel, message: &str, fields: &[(String, String)]) {
        if self.is_full_for(LogSource::Log, level) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let mut left = self.max_line_bytes;
        let mut take = |text: &str, most: usize| {
            let kept = clean(text, left.min(most));
            left = left.saturating_sub(kept.len());
            kept
        };
        let message = take(message, usize::MAX);
        let fields = fields
            .iter()
            .take(MAX_FIELDS)
            .map(|(name, value)| (take(name, MAX_FIELD_NAME_BYTES), take(value, usize::MAX)))
            .collect();
        self.keep(LogLine { level, source: LogSource::Log, message, fields });
    }

    /// Keeps what was written to standard output or error, line by line.
    ///
    /// Once there is no room, a write counts as one dropped line: looking for line ends in a gigabyte
    /// would be work done for nothing.
    pub(super) fn write(&mut self, source: LogSource, bytes: &[u8]) {
        if self.is_full_for(source, LogLevel::Info) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_end) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let max_line_bytes = self.max_line_bytes;
            let partial = self.partial(source);
            let room = max_line_bytes.saturating_sub(partial.bytes.len());
            let kept = text.get(..room).unwrap_or(text);
            partial.is_cut |= kept.len() < text.len();
            partial.bytes.extend_from_slice(kept);
            if is_end {
                self.end_line(source);
            }
        }
    }

    /// Ends the unfinished lines and gives everything out, with the number of lines that were dropped.
    pub(super) fn close(&mut self) -> (Vec<LogLine>, u64) {
        for source in [LogSource::Stdout, LogSource::Stderr] {
            if !self.partial(source).bytes.is_empty() {
                self.end_line(source);
            }
        }
        (std::mem::take(&mut self.lines), self.dropped)
    }

    fn partial(&mut self, source: LogSource) -> &mut Partial {
        match source {
            LogSource::Log | LogSource::Stdout => &mut self.stdout,
            LogSource::Stderr => &mut self.stderr,
        }
    }

    fn end_line(&mut self, source: LogSource) {
        let partial = std::mem::take(self.partial(source));
        if self.is_full_for(source, LogLevel::Info) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let mut message = clean(&String::from_utf8_lossy(&partial.bytes), self.max_line_bytes);
        if partial.is_cut {
            message.push('…');
        }
        let level = match source {
            LogSource::Log | LogSource::Stdout => LogLevel::Info,
            LogSource::Stderr => LogLevel::Warn,
        };
        self.keep(LogLine { level, source, message, fields: Vec::new() });
    }
}

/// `text` without characters that move a reader's cursor or turn its direction, cut to `most` bytes.
pub(super) fn clean(text: &str, most: usize) -> String {
    let mut kept = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        if is_deceptive(character) {
            continue;
        }
        if kept.len().saturating_add(character.len_utf8()) > most {
            kept.push('…');
            break;
        }
        kept.push(character);
    }
    kept
}

/// Control characters except tab and newline, and the marks that reverse the direction of text.
fn is_deceptive(character: char) -> bool {
    (character.is_control() && character != '\t' && character != '\n')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::ByteSize;

    fn book(lines: usize, line_bytes: u64) -> LogBook {
        LogBook::new(&CallLimits { log_lines: lines, log_line: ByteSize::bytes(line_bytes), ..CallLimits::default() })
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut book = book(10, 100);
        book.write(LogSource::Stdout, b"one\ntw");
        book.write(LogSource::Stderr, b"trace");
        book.write(LogSource::Stdout, b"o\n");
        let (lines, dropped) = book.close();
        let texts: Vec<_> = lines.iter().map(|line| (line.source, line.message.as_str())).collect();
        assert_eq!(texts, [(LogSource::Stdout, "one"), (LogSource::Stdout, "two"), (LogSource::Stderr, "trace")]);
        assert_eq!(dropped, 0);
    }

    #[test]
    fn too_many_lines_are_counted_and_the_traceback_still_fits() {
        let mut book = book(2, 100);
        for _ in 0..5 {
            book.log(LogLevel::Info, "again", &[]);
        }
        book.write(LogSource::Stderr, b"Traceback\n");
        book.log(LogLevel::Error, "panicked: no", &[]);
        let (lines, dropped) = book.close();
        assert_eq!((lines.len(), dropped), (4, 3));
    }

    #[test]
    fn long_lines_are_cut_and_escapes_removed() {
        let mut book = book(10, 8);
        book.write(LogSource::Stdout, b"0123456789\n");
        book.log(LogLevel::Warn, "a\u{1b}[31mb\u{202e}c", &[(String::from("key"), String::from("value"))]);
        let (lines, _) = book.close();
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(texts, ["01234567…", "a[31mbc"]);
    }

    #[test]
    fn few_long_lines_are_as_much_as_many_short_ones() {
        let limits = CallLimits { log_bytes: ByteSize::bytes(250), ..CallLimits::default() };
        let mut book = LogBook::new(&limits);
        for _ in 0..5 {
            book.log(LogLevel::Info, &"x".repeat(100), &[]);
        }
        let (lines, dropped) = book.close();
        assert_eq!((lines.len(), dropped), (3, 2));
    }
}
