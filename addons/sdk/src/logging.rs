//! Lines for the job's log.

use std::fmt;

use crate::bindings::semantest::addon::log;
pub use crate::bindings::semantest::addon::log::Level;

/// Writes a line to the job's log: a level, a message as for `format!`, and after a `;` the
/// facts as fields.
///
/// ```no_run
/// # use semantest_addon::log;
/// let count = 3;
/// log!(info, "kept {count} notes"; count = count, kind = "note");
/// ```
#[macro_export]
macro_rules! log {
    (trace, $($rest:tt)+) => { $crate::log!(@ Trace, $($rest)+) };
    (debug, $($rest:tt)+) => { $crate::log!(@ Debug, $($rest)+) };
    (info, $($rest:tt)+) => { $crate::log!(@ Info, $($rest)+) };
    (warn, $($rest:tt)+) => { $crate::log!(@ Warn, $($rest)+) };
    (error, $($rest:tt)+) => { $crate::log!(@ Error, $($rest)+) };
    (@ $level:ident, $($message:expr),+ $(; $($name:ident = $value:expr),+)? $(,)?) => {
        $crate::write_log(
            $crate::Level::$level,
            ::core::format_args!($($message),+),
            &[$($((::core::stringify!($name), &$value as &dyn ::core::fmt::Display)),+)?],
        )
    };
}

/// What `log!` calls.
#[doc(hidden)]
pub fn write_log(level: Level, message: fmt::Arguments<'_>, fields: &[(&str, &dyn fmt::Display)]) {
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    log::write(level, &message.to_string(), &fields);
}
