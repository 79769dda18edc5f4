//! The shortest addon: one action that greets.

use semantest_addon::{Actions, Call, Error, Json, Output};
use serde::Deserialize;

struct Greeter;

#[derive(Deserialize)]
struct Params {
    who: String,
}

impl Actions for Greeter {
    fn invoke(_call: Call, _action: &str, params: Json) -> Result<Output, Error> {
        let params: Params = params.read()?;
        Output::of(&format!("hello {}", params.who))
    }
}

semantest_addon::export!(Greeter: Actions);
