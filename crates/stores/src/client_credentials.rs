//! Access tokens for the gateway itself, by OAuth 2.0 client credentials (RFC 6749 §4.4).
//!
//! One request to the token endpoint for any number of callers; a token is kept until shortly before it expires, or until a
//! service refuses it. Nothing here shows a secret or a token.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use claims::Json;
use http::{HeaderValue, header::ACCEPT};
use url::Url;

use crate::{
    http_client::{HttpAnswer, HttpClient, HttpError, HttpRequest, NoHeaderValue, form_encoded},
    renewed::{Kept, Renewed},
};

/// How long a token is kept whose life the answer does not say (`expires_in` is only recommended).
const UNSAID_LIFE: Duration = Duration::from_mins(1);

/// The longest time for which a token is kept.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// How long before its end a token is renewed; at most a fifth of its life.
const AHEAD: Duration = Duration::from_secs(30);

/// A client of an authorization server.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCredentialsSettings {
    /// The token endpoint.
    pub token_url: Url,
    /// `client_id`
    pub client_id: Box<str>,
    /// Its secret.
    pub client_secret: Box<str>,
    /// `scope`, where one is asked for.
    pub scope: Option<Box<str>>,
    /// How the client says who it is.
    pub authentication: ClientAuthentication,
}

/// How a client authenticates at the token endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: in the header `Authorization`.
    #[default]
    Basic,
    /// `client_secret_post`: in the form.
    Post,
}

/// Why there is no token: who operates the authorization server, or who configured the client, must act.
#[derive(Debug, thiserror::Error)]
pub enum ClientCredentialsError {
    /// No answer.
    #[error("no access token from the token endpoint")]
    Http(#[from] HttpError),
    /// The authorization server refuses (RFC 6749 §5.2).
    #[error("the token endpoint answered {status}{}", .code.as_ref().map(|code| format!(", `{code}`")).unwrap_or_default())]
    Refused {
        /// Its status.
        status: u16,
        /// Its `error`.
        code: Option<Box<str>>,
    },
    /// No token that can be used.
    #[error("the token endpoint's answer {0}")]
    Malformed(&'static str),
    /// The client's id or secret.
    #[error("the client's credentials hold {0}")]
    Credentials(#[from] NoHeaderValue),
}

/// The tokens of one client.
pub(crate) struct ClientCredentials {
    settings: ClientCredentialsSettings,
    client: HttpClient,
    token: Renewed<Arc<str>, ClientCredentialsError>,
}

impl ClientCredentials {
    pub(crate) fn new(settings: ClientCredentialsSettings, client: HttpClient) -> Self {
        Self { settings, client, token: Renewed::new() }
    }

    /// Returns a token that is good now; fetches one if there is none.
    ///
    /// # Errors
    ///
    /// [`ClientCredentialsError`]
    pub(crate) async fn token(&self) -> Result<Arc<str>, Arc<ClientCredentialsError>> {
        self.token.value(self.fetch()).await
    }

    /// Forgets a token that a service has refused, unless there is a newer one already.
    pub(crate) async fn forget(&self, refused: &Arc<str>) {
        self.token.forget(|token| Arc::ptr_eq(token, refused)).await;
    }

    async fn fetch(&self) -> Result<Kept<Arc<str>>, ClientCredentialsError> {
        let asked_at = Instant::now();
        let answer = self.client.send(self.request()?).await?;
        read(&answer, asked_at)
    }

    fn request(&self) -> Result<HttpRequest, NoHeaderValue> {
        let ClientCredentialsSettings { token_url, client_id, client_secret, scope, authentication } = &self.settings;
        let scope = scope.as_deref().map(|scope| ("scope", scope));
        let fields = [("grant_type", "client_credentials")].into_iter().chain(scope);
        let secrets = [("client_id", &**client_id), ("client_secret", &**client_secret)];
        let request = match authentication {
            ClientAuthentication::Basic => HttpRequest::post_form(token_url.clone(), fields)
                .with_basic(&form_encoded(client_id), &form_encoded(client_secret))?,
            ClientAuthentication::Post => HttpRequest::post_form(token_url.clone(), fields.chain(secrets)),
        };
        Ok(request.with(ACCEPT, HeaderValue::from_static("application/json")))
    }
}

/// Reads the token endpoint's answer (RFC 6749 §5.1).
fn read(answer: &HttpAnswer, asked_at: Instant) -> Result<Kept<Arc<str>>, ClientCredentialsError> {
    let json = Json::parse(&answer.body).ok();
    let object = json.as_ref().and_then(Json::as_object);
    let text = |name: &str| object.and_then(|object| object.get(name)).and_then(Json::as_str);
    if !answer.status.is_success() {
        let code = text("error").filter(|code| is_error_code(code)).map(Box::from);
        return Err(ClientCredentialsError::Refused { status: answer.status.as_u16(), code });
    }
    let token = text("access_token").ok_or(ClientCredentialsError::Malformed("has no `access_token`"))?;
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(ClientCredentialsError::Malformed("is not a token of type `Bearer`"));
    }
    let life = match object.and_then(|object| object.get("expires_in")) {
        None => UNSAID_LIFE,
        // Some servers write the number as a text.
        Some(Json::String(digits)) => digits.parse().map(Duration::from_secs).unwrap_or_default(),
        Some(life) => life.as_u64().map(Duration::from_secs).unwrap_or_default(),
    };
    let life = life.min(LONGEST_LIFE);
    Ok(Kept { value: token.into(), until: asked_at + life.saturating_sub(AHEAD.min(life / 5)) })
}

/// True for what an `error` may be, and short enough for a log.
fn is_error_code(code: &str) -> bool {
    code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Never shows the secret.
impl fmt::Debug for ClientCredentialsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentialsSettings")
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("settings", &self.settings).finish_non_exhaustive()
    }
}
