//! The `userinfo` store: the `UserInfo` endpoint of the user's own issuer (`OpenID` Connect Core §5.3), asked with the access
//! token that he came with.
//!
//! The answer counts only if its `sub` is the user's (§5.3.2). The token goes to the issuer's endpoint and nowhere else.

mod answer;
mod endpoint;

use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

use claims::{Algorithm, Attributes, CompactJws, Json, Object, TokenError, VerificationKeys, verify};
use http::{HeaderValue, StatusCode, header::ACCEPT};
use url::Url;

use self::{
    answer::{Statement, UserInfoFault},
    endpoint::Endpoint,
};
use crate::{
    attribute_map::{AttributeMap, RawAttributes},
    error::StoreError,
    http_client::{HttpAnswer, HttpClientError, HttpRequest, HttpSettings},
    json_pointer::JsonPointer,
    service::{Authorization, Service, ServiceSettings},
    user_store::{BoxFuture, Question, UserStore, seconds},
};

/// How an issuer's `UserInfo` endpoint is asked.
#[derive(Clone, Debug)]
pub struct UserInfoSettings {
    /// Where it is.
    pub endpoint: UserInfoEndpoint,
    /// Whose it is, and whom it must be signed by.
    pub issuer: UserInfoIssuer,
    /// Which answers count.
    pub answers: UserInfoAnswers,
    /// Which claims leave the store; its own names are claims or JSON pointers.
    pub attributes: AttributeMap,
    /// The pointers, by their text.
    pub pointers: BTreeMap<Box<str>, JsonPointer>,
    /// Bounds and trust.
    pub http: HttpSettings,
}

/// Where the endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserInfoEndpoint {
    /// Here.
    Url(Url),
    /// At `userinfo_endpoint` of the discovery document that is here (`OpenID` Connect Discovery §4).
    Discovery(Url),
}

/// The issuer whose endpoint it is.
#[derive(Clone, Debug)]
pub struct UserInfoIssuer {
    /// `iss`
    pub iss: Box<str>,
    /// Finds its keys.
    pub keys: KeyFinder,
    /// What its answers may be signed with.
    pub algorithms: Box<[Algorithm]>,
}

/// Which answers count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SignedAnswers {
    /// JSON, or a JWT that the issuer has signed: as the client is registered there.
    #[default]
    Accepted,
    /// Only a JWT.
    Required,
}

/// Which answers count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfoAnswers {
    /// Whether they must be signed.
    pub signed: SignedAnswers,
    /// A signed answer's `aud` must name one of these clients; empty: it is not looked at.
    pub audiences: Box<[Box<str>]>,
}

/// Finds the keys that an issuer signs with.
#[derive(Clone)]
pub struct KeyFinder(Arc<FindKeys>);

type FindKeys = dyn Fn(KeysWanted, SystemTime) -> BoxFuture<'static, Option<Arc<VerificationKeys>>> + Send + Sync;

/// Which keys are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysWanted {
    /// Those that are there.
    Current,
    /// Newer ones, if there are any: an answer names a key that is not there.
    Newer,
}

/// The `userinfo` user store.
pub struct UserInfoStore {
    name: Arc<str>,
    endpoint: Endpoint,
    issuer: UserInfoIssuer,
    answers: UserInfoAnswers,
    attributes: AttributeMap,
    pointers: BTreeMap<Box<str>, JsonPointer>,
    service: Service,
}

impl KeyFinder {
    /// Makes a finder of a function.
    pub fn new(
        find: impl Fn(KeysWanted, SystemTime) -> BoxFuture<'static, Option<Arc<VerificationKeys>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(find))
    }
}

impl UserInfoStore {
    /// Makes the store called `name`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`HttpClientError`] when the CA certificates cannot be used.
    pub fn new(name: Arc<str>, settings: UserInfoSettings) -> Result<Self, HttpClientError> {
        let UserInfoSettings { endpoint, issuer, answers, attributes, pointers, http } = settings;
        let service = ServiceSettings { http, authorization: Authorization::None };
        let service = Service::new(Arc::clone(&name), service)?;
        let endpoint = Endpoint::new(endpoint, issuer.iss.clone());
        Ok(Self { name, endpoint, issuer, answers, attributes, pointers, service })
    }

    async fn find(&self, question: Question<'_>) -> Result<Option<Attributes>, StoreError> {
        let token = question.token.ok_or_else(|| StoreError::NoToken { store: Arc::clone(&self.name) })?;
        let url = self.endpoint.url(&self.service).await?;
        question.note(|traced| traced.asked.push(format!("GET {url}").into()));
        let request = userinfo_request(url).with_bearer(token);
        let request = request.map_err(|_| StoreError::TokenRefused { store: Arc::clone(&self.name) })?;
        let answer = self.service.ask_as_user(request).await?;
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(StoreError::TokenRefused { store: Arc::clone(&self.name) });
        }
        let claims = self.claims(&answer, question.now).await.map_err(|fault| self.bad(&fault))?;
        if claims.get("sub").and_then(Json::as_str) != Some(question.user) {
            return Err(self.bad(&UserInfoFault::OtherSubject));
        }
        let claims = Json::Object(claims);
        let values = self.pointers.iter().map(|(name, pointer)| (name.clone(), pointer.values(&claims)));
        let raw: RawAttributes = values.collect();
        question.note(|traced| {
            traced.matches = Some(1);
            let names = claims.as_object().into_iter().flat_map(Object::iter).map(|(name, _)| name);
            let unread = names.filter(|name| !self.pointers.values().any(|pointer| pointer.is_within(name)));
            traced.returned.extend(unread.map(Box::from));
            traced.returned.extend(raw.iter().filter(|(_, values)| !values.is_empty()).map(|(name, _)| name.clone()));
        });
        Ok(Some(self.attributes.apply(&raw, &self.name, seconds(question.now))))
    }

    /// Reads an answer: JSON as it is, a JWT when it is verified.
    async fn claims(&self, answer: &HttpAnswer, now: SystemTime) -> Result<Object, UserInfoFault> {
        match answer::read(answer)? {
            Statement::Plain(claims) => match self.answers.signed {
                SignedAnswers::Accepted => Ok(claims),
                SignedAnswers::Required => Err(UserInfoFault::NotSigned),
            },
            Statement::Signed(text) => {
                let payload = self.verified(&text, now).await?;
                let claims = answer::object(&payload)?;
                answer::check(&claims, &self.issuer.iss, &self.answers.audiences, seconds(now))?;
                Ok(claims)
            }
        }
    }

    /// Verifies a JWT by the issuer's keys; keys that are not known yet are asked for once.
    async fn verified(&self, text: &str, now: SystemTime) -> Result<Vec<u8>, UserInfoFault> {
        let jws = CompactJws::parse(text).map_err(UserInfoFault::Signature)?;
        for wanted in [KeysWanted::Current, KeysWanted::Newer] {
            let keys = (self.issuer.keys.0)(wanted, now).await.ok_or(UserInfoFault::NoKeys)?;
            match verify(&jws, &keys, &self.issuer.algorithms) {
                Ok(verified) => return Ok(verified.payload),
                Err(TokenError::UnknownKid) => {}
                Err(error) => return Err(UserInfoFault::Signature(error)),
            }
        }
        Err(UserInfoFault::Signature(TokenError::UnknownKid))
    }

    /// Asks without a token, which the endpoint must refuse.
    async fn try_out(&self) -> Result<(), StoreError> {
        let url = self.endpoint.url(&self.service).await?;
        let answer = self.service.ask_as_user(userinfo_request(url)).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => Ok(()),
            status => Err(self.bad(&UserInfoFault::WithoutToken(status))),
        }
    }

    fn bad(&self, fault: &UserInfoFault) -> StoreError {
        StoreError::malformed(&self.name, fault.to_string())
    }
}

impl UserStore for UserInfoStore {
    fn attribute_map(&self) -> &AttributeMap {
        &self.attributes
    }

    fn asks_as_user(&self) -> bool {
        true
    }

    fn lookup<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Option<Attributes>, StoreError>> {
        Box::pin(self.find(question))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.try_out())
    }
}

fn userinfo_request(url: Url) -> HttpRequest {
    HttpRequest::get(url).with(ACCEPT, HeaderValue::from_static("application/json, application/jwt"))
}

impl fmt::Debug for KeyFinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFinder")
    }
}

impl fmt::Debug for UserInfoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserInfoStore").field("name", &self.name).field("iss", &self.issuer.iss).finish_non_exhaustive()
    }
}
