//! `semantest openapi`: print the description of the API.

use anyhow::Context as _;

use crate::cli::say;

pub(super) fn run() -> anyhow::Result<()> {
    say::line(&crate::api::openapi_json().context("describing the API")?);
    Ok(())
}
