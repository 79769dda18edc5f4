//! What a panic says before it ends the call: without this hook a trap is all that anybody sees.

#[cfg(target_family = "wasm")]
use crate::bindings::semantest::addon::log::{self, Level};

/// Makes a panic write its message and place to the job's log, as the last line of the call. Every export calls this
/// first; each call has an instance of its own.
///
/// The line begins with `panicked: `, by which the host knows it for the reason of the trap that follows.
pub(crate) fn keep() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("with a value that is no text");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        log::write(Level::Error, &format!("panicked: {message}"), &[(String::from("at"), place)]);
    }));
}
