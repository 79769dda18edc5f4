//! To be written.
use semantest_addon::{Actions, Call, Error, Json, Output, log};
struct Greeter;
impl Actions for Greeter {
    fn invoke(_call: Call, name: &str, params: Json) -> Result<Output, Error> {
        #[derive(serde::Deserialize)]
        struct Params { who: String }
        let params: Params = params.read()?;
        log!(info, "ran `{name}`"; who = params.who);
        Output::of(&format!("hello {}", params.who))
    }
}
semantest_addon::export!(Greeter: Actions);
