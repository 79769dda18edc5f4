//! What the command line prints: answers on stdout, trouble on stderr.

/// Prints a line of an answer.
#[expect(clippy::print_stdout, reason = "answers of a command belong on stdout")]
pub(super) fn line(text: &str) {
    println!("{text}");
}

/// Prints why a command could not be done.
#[expect(clippy::print_stderr, reason = "the log may not be set up yet when a command fails")]
pub(super) fn error(text: &str) {
    eprintln!("semantest: {text}");
}
