//! Asks an issuer about a token that only it can read (RFC 7662), for any number of callers with one question.
//!
//! Bounded in time, bytes, questions under way and callers waiting. What is remembered of an answer is the cache of known
//! callers' business. Never logs the token.

mod answer;
mod flights;

use std::{sync::Arc, time::Duration};

use claims::{AccessTokenRules, Algorithm, Object};
use http::{HeaderValue, StatusCode, header::ACCEPT};
use stores::{Breaker, HttpClient, HttpError, HttpRequest, form_encoded};
use url::Url;

use self::flights::{Aboard, Seat};
pub(crate) use self::{answer::Opinion, flights::Flights};
use crate::{fingerprint::Fingerprint, issuer_keys::IssuerKeys, time::Now};

/// When to try again, where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Where the client's secret goes (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientAuthentication {
    /// Into `Authorization`.
    Basic,
    /// Into the form.
    Post,
}

/// Whether answers must be signed (RFC 9701).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignedAnswers {
    /// Plain JSON, by a server that TLS vouches for.
    None,
    /// A JWT that the issuer's keys have signed, or nothing.
    Required,
}

/// How one issuer is asked.
#[derive(Debug)]
pub struct Introspection {
    /// Of everything here, the secret included.
    pub fingerprint: Fingerprint,
    /// The issuer's name, for the log.
    pub name: Arc<str>,
    /// The endpoint.
    pub url: Url,
    /// The gateway's client id there.
    pub client_id: Box<str>,
    /// Its secret.
    pub client_secret: ClientSecret,
    /// Where the secret goes.
    pub authentication: ClientAuthentication,
    /// Whether answers must be signed.
    pub signed_answers: SignedAnswers,
    /// What all its opaque tokens begin with; `None`: they are told by nothing.
    pub token_prefix: Option<Box<str>>,
    /// Whether it may see tokens that may be another issuer's.
    pub in_turn: bool,
    /// How long an answer is relied on.
    pub ttl: Duration,
    /// The client.
    pub client: HttpClient,
    /// Whether it is asked at all: not while it fails.
    pub breaker: Breaker,
    /// The questions under way.
    pub(crate) flights: Flights,
}

/// A secret that is never shown.
#[derive(Clone)]
pub struct ClientSecret(pub Box<str>);

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// What an answer is checked against.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    /// The issuer's keys; `None`: it has none.
    pub keys: Option<Arc<IssuerKeys>>,
    /// What they may sign with.
    pub algorithms: Box<[Algorithm]>,
    /// What the issuer's tokens must claim.
    pub rules: AccessTokenRules,
    /// How many sessions had ended before the question.
    pub ends: u64,
}

/// Why there is no answer: the operator, or who runs the server, must act.
#[derive(Debug, thiserror::Error)]
enum Silence {
    /// No answer, a redirect, or too long an answer.
    #[error("the introspection endpoint cannot be asked")]
    Http(#[from] HttpError),
    /// The server does not want to tell us: our credentials are wrong, or it is in trouble.
    #[error("the introspection endpoint answered {0}")]
    Status(StatusCode),
    /// The client id or secret cannot be sent.
    #[error("the client id or secret cannot be sent")]
    Secret,
}

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Asked {
    /// An answer, and what to keep until it is in the cache, so that nobody asks again in between.
    Told(Opinion, Option<Arc<Aboard>>),
    /// It was not asked: the answer had come into the cache.
    KnownMeanwhile,
}

impl Introspection {
    /// Asks about a token; those who ask about the same one at the same time share the answer.
    ///
    /// The question goes on when nobody waits for it any more: its answer is theirs who come next, but for those who know
    /// of more ended sessions. `is_known` says whether the answer is in the cache by now.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        token: &str,
        (verifier, ends, is_known): (impl FnOnce() -> Verifier, u64, impl FnOnce() -> bool),
        (background, now): (&tokio::runtime::Handle, Now),
    ) -> Asked {
        let seat = self.flights.seat(token, ends, is_known);
        let waiting = match seat {
            Seat::Full => {
                tracing::warn!(issuer = %self.name, "too many opaque tokens are being asked about");
                return Asked::Told(Opinion::Unknown { retry_after: RETRY_AFTER }, None);
            }
            Seat::Known => return Asked::KnownMeanwhile,
            Seat::Passenger(waiting) => waiting,
            Seat::Pilot(departure, waiting) => {
                if let Err(retry_after) = self.breaker.admit(now.time) {
                    departure.land(Opinion::Unknown { retry_after });
                    return Asked::Told(Opinion::Unknown { retry_after }, None);
                }
                let (asked, verifier, token) = (Arc::clone(self), verifier(), Box::<str>::from(token));
                background.spawn(async move {
                    let opinion = asked.opinion(&token, &verifier, now).await;
                    departure.land(opinion);
                });
                waiting
            }
        };
        let (opinion, aboard) = waiting.opinion().await;
        Asked::Told(opinion, Some(aboard))
    }

    async fn opinion(&self, token: &str, verifier: &Verifier, now: Now) -> Opinion {
        match self.exchange(token).await {
            Ok(answer) => {
                self.breaker.succeeded();
                answer::read(&answer, (self, verifier), now).unwrap_or_else(|problem| {
                    tracing::warn!(issuer = %self.name, "the introspection endpoint's answer is not usable: {problem}");
                    Opinion::Unusable
                })
            }
            Err(silence) => {
                let error = crate::issuer_keys::chain(&silence);
                tracing::warn!(issuer = %self.name, error = %error, "an opaque token could not be asked about");
                Opinion::Unknown { retry_after: self.breaker.failed(now.time).unwrap_or(RETRY_AFTER) }
            }
        }
    }

    async fn exchange(&self, token: &str) -> Result<stores::HttpAnswer, Silence> {
        let mut fields = vec![("token", token), ("token_type_hint", "access_token")];
        if self.authentication == ClientAuthentication::Post {
            fields.extend([("client_id", &*self.client_id), ("client_secret", &*self.client_secret.0)]);
        }
        let accepted = match self.signed_answers {
            SignedAnswers::None => "application/json",
            SignedAnswers::Required => answer::SIGNED,
        };
        let request = HttpRequest::post_form(self.url.clone(), fields).with(ACCEPT, HeaderValue::from_static(accepted));
        let request = match self.authentication {
            ClientAuthentication::Post => request,
            ClientAuthentication::Basic => request
                .with_basic(&form_encoded(&self.client_id), &form_encoded(&self.client_secret.0))
                .map_err(|_| Silence::Secret)?,
        };
        let answer = self.client.send(request).await?;
        if answer.status == StatusCode::OK { Ok(answer) } else { Err(Silence::Status(answer.status)) }
    }
}

/// What an issuer says of an active token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveToken {
    /// All members of the answer but `active`.
    pub claims: Object,
    /// When the token expires, if the issuer says so.
    pub expires_at: Option<u64>,
    /// How many sessions had ended before the issuer was asked.
    pub ends: u64,
}
