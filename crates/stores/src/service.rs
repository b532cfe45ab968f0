//! A service that a user store asks over HTTP: how the gateway authenticates itself there, and which answers are none.
//!
//! Shared by the stores that speak HTTP. Knows nothing of users; what a proper answer says is each store's own matter.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokio::time::timeout;

use crate::{
    client_credentials::{ClientCredentials, ClientCredentialsError, ClientCredentialsSettings},
    error::StoreError,
    http_client::{
        HttpAnswer, HttpClient, HttpClientError, HttpError, HttpRequest, HttpSettings, NoHeaderValue, secret_value,
    },
};

/// The longest time that a service can ask to be left alone.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How a service is asked.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Bounds and trust; `timeout` is for all requests of one look-up together.
    pub http: HttpSettings,
    /// How the gateway says who it is.
    pub authorization: Authorization,
}

/// How the gateway says who it is.
#[derive(Clone, Debug, Default)]
pub enum Authorization {
    /// Not at all, or by a header field of the store's own.
    #[default]
    None,
    /// By a bearer token that the operator has: see [`Authorization::bearer`].
    Bearer(HeaderValue),
    /// By tokens that it fetches itself.
    ClientCredentials(ClientCredentialsSettings),
}

impl Authorization {
    /// Makes [`Authorization::Bearer`].
    ///
    /// # Errors
    ///
    /// [`NoHeaderValue`] when no header field can hold the token.
    pub fn bearer(token: &str) -> Result<Self, NoHeaderValue> {
        secret_value(&format!("Bearer {token}")).map(Self::Bearer)
    }
}

/// The service.
pub(crate) struct Service {
    store: Arc<str>,
    client: HttpClient,
    authorization: Authorizing,
    timeout: Duration,
}

enum Authorizing {
    None,
    Bearer(HeaderValue),
    ClientCredentials(Box<ClientCredentials>),
}

/// Why the service gave no answer that a store could read.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("no access token for the service")]
    Token(#[source] Arc<ClientCredentialsError>),
    #[error("the access token holds {0}")]
    Unusable(#[from] NoHeaderValue),
    #[error("the service refuses the gateway's credentials ({0})")]
    Credentials(StatusCode),
    #[error("the service answered {0}")]
    Status(StatusCode),
}

impl Service {
    /// Makes the service of the store called `store`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`HttpClientError`] when the CA certificates cannot be used.
    pub(crate) fn new(store: Arc<str>, settings: ServiceSettings) -> Result<Self, HttpClientError> {
        let ServiceSettings { http, authorization } = settings;
        let client = HttpClient::new(&http)?;
        let authorization = match authorization {
            Authorization::None => Authorizing::None,
            Authorization::Bearer(value) => Authorizing::Bearer(value),
            Authorization::ClientCredentials(settings) => {
                Authorizing::ClientCredentials(Box::new(ClientCredentials::new(settings, client.clone())))
            }
        };
        Ok(Self { store, client, authorization, timeout: http.timeout })
    }

    /// Asks, and returns the answer that the store is to read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: no answer in time, credentials that are refused (401 and 403; a token of the gateway's
    /// own is renewed once before), 408, 429, or a status from 500. `Retry-After` is passed on, up to a minute.
    pub(crate) async fn ask(&self, request: HttpRequest) -> Result<HttpAnswer, StoreError> {
        let asking = timeout(self.timeout, self.send(request));
        let answer = asking.await.unwrap_or_else(|_| Err(HttpError::TooLate(self.timeout).into()));
        let answer = answer.map_err(|error| StoreError::unavailable(&self.store, error))?;
        self.refuse_failure(answer)
    }

    /// Asks in the user's own name: the gateway's credentials stay out of it, and every status but a failure of the
    /// service is the store's to read.
    ///
    /// # Errors
    ///
    /// As [`Service::ask`], except for 401 and 403.
    pub(crate) async fn ask_as_user(&self, request: HttpRequest) -> Result<HttpAnswer, StoreError> {
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| StoreError::unavailable(&self.store, error))?;
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(answer),
            _ => self.refuse_failure(answer),
        }
    }

    /// Makes sure that the service is there and that the gateway can get its credentials; any answer will do.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: no answer, or no access token.
    pub(crate) async fn reach(&self, request: HttpRequest) -> Result<(), StoreError> {
        match timeout(self.timeout, self.send(request)).await {
            Ok(Ok(_) | Err(ServiceError::Http(HttpError::Redirect(_) | HttpError::TooLarge(_)))) => Ok(()),
            Ok(Err(error)) => Err(StoreError::unavailable(&self.store, error)),
            Err(_) => Err(StoreError::unavailable(&self.store, HttpError::TooLate(self.timeout))),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, ServiceError> {
        match &self.authorization {
            Authorizing::None => Ok(self.client.send(request).await?),
            Authorizing::Bearer(value) => Ok(self.client.send(request.with(AUTHORIZATION, value.clone())).await?),
            Authorizing::ClientCredentials(credentials) => {
                let token = credentials.token().await.map_err(ServiceError::Token)?;
                let answer = self.client.send(request.clone().with_bearer(&token)?).await?;
                if answer.status != StatusCode::UNAUTHORIZED {
                    return Ok(answer);
                }
                credentials.forget(&token).await;
                let token = credentials.token().await.map_err(ServiceError::Token)?;
                Ok(self.client.send(request.with_bearer(&token)?).await?)
            }
        }
    }

    /// Makes an error about an answer of this service.
    pub(crate) fn malformed(&self, reason: &'static str) -> StoreError {
        StoreError::malformed(&self.store, reason)
    }

    fn refuse_failure(&self, answer: HttpAnswer) -> Result<HttpAnswer, StoreError> {
        let status = answer.status;
        let failure = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ServiceError::Credentials(status),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => ServiceError::Status(status),
            _ if status.is_server_error() => ServiceError::Status(status),
            _ => return Ok(answer),
        };
        let error = StoreError::unavailable(&self.store, failure);
        Err(match answer.retry_after() {
            Some(wish) => error.retry_after(wish.min(LONGEST_RETRY_AFTER)),
            None => error,
        })
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("store", &self.store).finish_non_exhaustive()
    }
}
