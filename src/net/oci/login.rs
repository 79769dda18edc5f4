//! Signing in: what a registry asks for when it answers 401, and what we show it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

use super::OciError;
use crate::config::registries::RegistrySettings;
use crate::config::secret::{Secret, SecretError};
use crate::net::client::Client;
use crate::net::request::{AnswerHeaders, Method, Request};

/// Longest token that is sent, in bytes; longer ones do not fit into anybody's header limit.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How we sign in to one registry.
#[derive(Clone, Debug)]
pub enum Login {
    /// Not at all; a registry may still ask for a token that anybody gets.
    Anonymous,
    /// As a user.
    Basic {
        /// The user.
        username: String,
        /// The password or access token.
        password: Secret,
    },
    /// With a token that is sent as it is.
    Token(Secret),
}

impl Login {
    /// The login that a registry's settings name; a token wins over a user.
    ///
    /// # Errors
    /// [`SecretError`] when a named file cannot be read.
    pub(super) fn of(settings: &RegistrySettings) -> Result<Self, SecretError> {
        if let Some(token) = Secret::resolve(settings.token.as_ref(), settings.token_file.as_deref())? {
            return Ok(Self::Token(token));
        }
        let password = Secret::resolve(settings.password.as_ref(), settings.password_file.as_deref())?;
        Ok(match (&settings.username, password) {
            (Some(username), Some(password)) => Self::Basic { username: username.clone(), password },
            _ => Self::Anonymous,
        })
    }

    fn basic(&self) -> Option<String> {
        let Self::Basic { username, password } = self else { return None };
        Some(format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.expose()))))
    }
}

/// What a registry wants to see.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The `authorization` that a registry's 401 asks for; `scope` is what we want to do, in the registry's words.
pub(super) async fn authorization(
    client: &Client,
    login: &Login,
    headers: &AnswerHeaders,
    registry: &Url,
    scope: &str,
) -> Result<String, OciError> {
    if let Login::Token(token) = login {
        return Ok(format!("Bearer {}", token.expose()));
    }
    let challenges: Vec<Challenge> =
        headers.iter().filter(|(name, _)| *name == "www-authenticate").filter_map(|(_, value)| parse(value)).collect();
    let bearer = challenges.iter().find(|challenge| **challenge != Challenge::Basic);
    match bearer.or(challenges.first()) {
        None => Err(OciError::Refused),
        Some(Challenge::Basic) => login.basic().ok_or(OciError::Refused),
        Some(Challenge::Bearer { realm, service }) => {
            let realm = realm_url(realm, registry)?;
            token(client, login, realm, service.as_deref(), scope).await
        }
    }
}

/// Where tokens are given out. A registry that is asked over TLS must not have its password sent in the clear.
fn realm_url(realm: &str, registry: &Url) -> Result<Url, OciError> {
    let realm = Url::parse(realm).map_err(|_| OciError::Answer { what: "token address" })?;
    if registry.scheme() == "https" && realm.scheme() != "https" {
        return Err(OciError::Answer { what: "token address over https" });
    }
    Ok(realm)
}

async fn token(
    client: &Client,
    login: &Login,
    mut realm: Url,
    service: Option<&str>,
    scope: &str,
) -> Result<String, OciError> {
    {
        let mut query = realm.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", scope);
    }
    let mut request = Request::new(Method::Get, realm).header("accept", "application/json");
    if let Some(basic) = login.basic() {
        request = request.header("authorization", basic);
    }
    let answer = client.send(request).await?;
    match answer.status {
        200..=299 => {}
        401 | 403 => return Err(OciError::Refused),
        status => return Err(OciError::Status { status }),
    }
    let given: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| OciError::Answer { what: "token" })?;
    let token = given.token.or(given.access_token).filter(|token| is_sendable(token));
    token.map(|token| format!("Bearer {token}")).ok_or(OciError::Answer { what: "token" })
}

fn is_sendable(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads one challenge: a scheme, then `name="value"` pairs (RFC 9110, 11.6.1).
fn parse(value: &str) -> Option<Challenge> {
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    let find = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    Some(Challenge::Bearer { realm: find("realm")?, service: find("service") })
}

fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|letter| *letter == ',' || letter.is_whitespace()).is_some() {}
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|letter| *letter != '=') {
            name.push(letter);
        }
        if letters.next().is_none() {
            return found;
        }
        let mut value = String::new();
        if letters.next_if_eq(&'"').is_some() {
            while let Some(letter) = letters.next_if(|letter| *letter != '"') {
                // A backslash makes the next letter an ordinary one.
                value.extend(if letter == '\\' { letters.next() } else { Some(letter) });
            }
            letters.next();
        } else {
            while let Some(letter) = letters.next_if(|letter| *letter != ',') {
                value.push(letter);
            }
        }
        found.push((name.trim().to_ascii_lowercase(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (text, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                bearer("https://auth.docker.io/token", Some("registry.docker.io")),
            ),
            (
                r#"bearer service=ghcr.io , realm="https://ghcr.io/token""#,
                bearer("https://ghcr.io/token", Some("ghcr.io ")),
            ),
            (r#"Bearer realm="a\"b""#, bearer("a\"b", None)),
            (r#"Basic realm="Registry""#, Some(Challenge::Basic)),
            ("Bearer service=x", None),
            ("Bearer", None),
            ("Negotiate", None),
            (r#"Bearer realm="open"#, bearer("open", None)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_password_is_never_sent_in_the_clear_for_a_registry_behind_tls() -> Result<(), url::ParseError> {
        let (tls, plain) = (Url::parse("https://registry.example/")?, Url::parse("http://127.0.0.1:5000/")?);
        assert!(realm_url("http://elsewhere.example/token", &tls).is_err());
        assert!(realm_url("https://elsewhere.example/token", &tls).is_ok());
        assert!(realm_url("http://127.0.0.1:5001/token", &plain).is_ok());
        Ok(())
    }
}
