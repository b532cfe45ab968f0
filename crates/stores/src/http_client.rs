//! The one client for outbound HTTP: user stores, issuers' keys, introspection.
//!
//! Loyal to the address that it is given: no redirect is followed, no proxy of the environment is asked, no cookie is
//! kept. Bounded in time, in bytes, and in how many requests are under way. HTTP/1.1, so that one dead connection holds up
//! one request. Knows no protocol above HTTP. Errors hold neither an address nor a credential.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};
use reqwest::redirect::Policy;
use tokio::{sync::Semaphore, time::timeout};
use url::{Url, form_urlencoded};

use crate::tls::{TlsError, tls_client};

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(15);

/// What bounds a client, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// How long a connection may take, TLS included.
    pub connect_timeout: Duration,
    /// How long a request may take in all, the wait for its turn included.
    pub timeout: Duration,
    /// How long an answer's body may be, unpacked.
    pub most_bytes: usize,
    /// How many requests are under way at most; the next ones wait for their turn.
    pub most_at_once: usize,
    /// Certificates (PEM) that are trusted beside the system's.
    pub ca: Option<Vec<u8>>,
}

/// A client for one server, or a few of one operator. Cloning shares its connections.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    turns: Arc<Semaphore>,
    timeout: Duration,
    most_bytes: usize,
}

/// A request.
#[derive(Clone)]
pub struct HttpRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// An answer that is no redirect, whole.
#[derive(Clone)]
pub struct HttpAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body, unpacked.
    pub body: Vec<u8>,
}

/// Why there is no client: the operator must act.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The CA certificates cannot be used.
    #[error("the CA certificates cannot be used")]
    Ca(#[from] TlsError),
    /// The HTTP library refuses the settings: a bug.
    #[error("no HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Why there is no answer: who operates the server must act.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection: nobody listens there, or its certificate is not trusted.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The exchange broke off, or is no HTTP.
    #[error("the exchange with the server broke off")]
    Broken(#[source] reqwest::Error),
    /// Time is over.
    #[error("the server did not answer within {} ms", .0.as_millis())]
    TooLate(Duration),
    /// A redirect, which is never followed: it may lead anywhere.
    #[error("the server answered with a redirect ({0}), and none is followed")]
    Redirect(StatusCode),
    /// A body above the bound.
    #[error("the server's answer is longer than {0} bytes")]
    TooLarge(usize),
}

/// A text that no header field can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("characters that no header field can hold")]
pub struct NoHeaderValue;

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            most_bytes: 256 * 1024,
            most_at_once: 32,
            ca: None,
        }
    }
}

impl HttpClient {
    /// Makes a client. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`HttpClientError`] when the CA certificates cannot be used.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpClientError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_client(settings.ca.as_deref())?)
            .http1_only()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE)
            .user_agent("countersign")
            .build()
            .map_err(HttpClientError::Client)?;
        let turns = Arc::new(Semaphore::new(settings.most_at_once.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Self { client, turns, timeout: settings.timeout, most_bytes: settings.most_bytes })
    }

    /// Sends a request and returns the whole answer, whatever its status, as long as it is no redirect. A GET whose
    /// connection breaks is sent once more.
    ///
    /// # Errors
    ///
    /// [`HttpError`]: no connection, no whole answer in time, a redirect, or too long an answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, HttpError> {
        let exchange = timeout(self.timeout, self.exchange(request));
        exchange.await.unwrap_or(Err(HttpError::TooLate(self.timeout)))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpAnswer, HttpError> {
        // The semaphore is never closed, so that the permit is always there in the end.
        let _turn = self.turns.acquire().await;
        let again = (request.method == Method::GET).then(|| request.clone());
        match (self.once(request).await, again) {
            // A server may close a connection that it has kept long enough just when it is used again. A GET can be
            // repeated (RFC 9110 §9.2.2).
            (Err(HttpError::Broken(_)), Some(request)) => self.once(request).await,
            (outcome, _) => outcome,
        }
    }

    async fn once(&self, request: HttpRequest) -> Result<HttpAnswer, HttpError> {
        let HttpRequest { method, url, headers, body } = request;
        let sending = self.client.request(method, url).headers(headers).body(body).send();
        let mut response = sending.await.map_err(|error| self.failed(error))?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(HttpError::Redirect(status));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > self.most_bytes {
                return Err(HttpError::TooLarge(self.most_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer { status, headers: std::mem::take(response.headers_mut()), body })
    }

    /// Sorts an error of the library. Its address is taken off: a query may hold what is nobody else's business.
    fn failed(&self, error: reqwest::Error) -> HttpError {
        let error = error.without_url();
        match (error.is_connect(), error.is_timeout()) {
            (true, _) => HttpError::Unreachable(error),
            (false, true) => HttpError::TooLate(self.timeout),
            (false, false) => HttpError::Broken(error),
        }
    }
}

impl HttpRequest {
    /// Makes a GET.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new() }
    }

    /// Makes a POST of a body of this media type.
    pub fn post(url: Url, media_type: HeaderValue, body: Vec<u8>) -> Self {
        Self { method: Method::POST, body, ..Self::get(url) }.with(CONTENT_TYPE, media_type)
    }

    /// Makes a POST of a form (`application/x-www-form-urlencoded`).
    pub fn post_form<'f>(url: Url, fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::post(url, HeaderValue::from_static("application/x-www-form-urlencoded"), form.into_bytes())
    }

    /// Adds a header field; an earlier one of that name is replaced.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Authenticates by a bearer token (RFC 6750 §2.1).
    ///
    /// # Errors
    ///
    /// [`NoHeaderValue`] when no header field can hold the token.
    pub fn with_bearer(self, token: &str) -> Result<Self, NoHeaderValue> {
        Ok(self.with(AUTHORIZATION, secret_value(&format!("Bearer {token}"))?))
    }

    /// Authenticates by name and password (RFC 7617). An OAuth 2 client's id and secret are form-encoded before (RFC 6749
    /// §2.3.1): [`form_encoded`].
    ///
    /// # Errors
    ///
    /// [`NoHeaderValue`]: never, in fact.
    pub fn with_basic(self, name: &str, password: &str) -> Result<Self, NoHeaderValue> {
        let credentials = STANDARD.encode(format!("{name}:{password}"));
        Ok(self.with(AUTHORIZATION, secret_value(&format!("Basic {credentials}"))?))
    }

    /// Returns the address.
    pub const fn url(&self) -> &Url {
        &self.url
    }
}

impl HttpAnswer {
    /// True when the body is of one of these media types, whatever their parameters; lower case.
    pub fn is_of(&self, media_types: &[&str]) -> bool {
        media_types.contains(&&*self.media_type())
    }

    /// Returns the body's media type without parameters, in lower case; empty when the answer does not say.
    pub fn media_type(&self) -> Box<str> {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().into()
    }

    /// Returns when the server wants to be asked again, where it says so in seconds (RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// Makes a header value that never shows in a debug text.
///
/// # Errors
///
/// [`NoHeaderValue`] for control characters.
pub fn secret_value(text: &str) -> Result<HeaderValue, NoHeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| NoHeaderValue)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Encodes a text as a form does.
pub fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Shows neither the query nor the body: both may hold a credential.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

/// Shows neither header fields nor the body.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}
