//! `GET /problems/{slug}`: the page that a problem's `type` leads to.

use axum::response::{Html, IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::path::{Path, Slug};
use crate::api::problem::{Problem, ProblemCode};
use crate::api::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(index))
}

/// What a kind of problem means and what to do about it.
#[utoipa::path(
    get, path = "/problems/{slug}", operation_id = "getProblemPage", tag = "service", params(("slug" = String, Path)),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
              (status = 404, description = "No such kind of problem", content_type = "application/problem+json", body = crate::api::problem::ProblemDocument)),
)]
async fn page(Path(Slug(slug)): Path<Slug>) -> Result<Response, Problem> {
    let code = ProblemCode::by_slug(&slug)
        .ok_or_else(|| Problem::new(ProblemCode::NotFound, "there is no such kind of problem; /problems lists all"))?;
    Ok(html(code.title(), &section(code)))
}

/// Every kind of problem.
#[utoipa::path(
    get, path = "/problems", operation_id = "listProblemPages", tag = "service",
    responses((status = 200, description = "A page", content_type = "text/html", body = String)),
)]
async fn index() -> Response {
    html("Problems", &ProblemCode::ALL.into_iter().map(section).collect::<String>())
}

/// Only words of our own go in here; nothing of it came from a request.
fn section(code: ProblemCode) -> String {
    format!(
        "<h2 id=\"{slug}\">{title}</h2><p><code>{code}</code>, HTTP {status}. {retry}</p><p>{advice}</p>",
        slug = code.slug(),
        title = code.title(),
        code = code.as_str(),
        status = code.status().as_u16(),
        retry = if code.is_retryable() { "The same request may succeed later." } else { "" },
        advice = marked(code.advice()),
    )
}

/// Text with `code` in backticks as HTML.
fn marked(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let pieces = escaped.split('`').enumerate();
    pieces
        .map(|(index, piece)| if index % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() })
        .collect()
}

fn html(title: &str, body: &str) -> Response {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:1rem/1.5 system-ui;max-width:42rem;margin:2rem auto;padding:0 1rem}}\
         code{{background:#8882;padding:.1em .3em}}</style></head><body>{body}</body></html>"
    ))
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code() {
        assert_eq!(marked("a `b <c>` d"), "a <code>b &lt;c></code> d");
    }
}
