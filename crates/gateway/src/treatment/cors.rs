//! Which pages of other origins may call an API (CORS, Fetch Standard §3.2).
//!
//! Origins are compared byte by byte. A preflight is answered here, before anybody is authenticated, and never forwarded;
//! of any other answer the backend's own `Access-Control-*` fields are replaced.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

use crate::{
    path::NormalPath,
    rejection::{Code, Rejection},
    request::RequestHead,
    snapshot::{ApiState, Snapshot},
};

const TRUE: HeaderValue = HeaderValue::from_static("true");
const ANY: HeaderValue = HeaderValue::from_static("*");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const BY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
/// What a backend says of CORS; where the gateway speaks of it, nobody else does.
const REPLACED: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// What an API's `corsConfiguration` says.
#[derive(Debug)]
pub struct Cors {
    /// Whose pages may call.
    pub origins: Origins,
    /// Whether browsers send cookies and the like.
    pub credentials: Credentials,
    /// With which methods.
    pub methods: CorsMethods,
    /// Which fields such a call may have, as one list.
    pub headers: Option<HeaderValue>,
    /// Which fields of an answer a page may read, as one list.
    pub exposed: Option<HeaderValue>,
    /// For how many seconds a preflight's answer holds.
    pub max_age: Option<HeaderValue>,
}

/// Whose pages may call.
#[derive(Debug)]
pub enum Origins {
    /// Anybody's.
    Any,
    /// Those of these origins.
    Listed(Box<[HeaderValue]>),
}

/// Whether browsers send cookies and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// They do.
    Sent,
    /// They do not.
    LeftOut,
}

/// Which of the declared methods pages of other origins may use.
#[derive(Debug)]
pub enum CorsMethods {
    /// Every one.
    Declared,
    /// These.
    Listed(Box<[Method]>),
}

impl Cors {
    /// Returns what `Access-Control-Allow-Origin` says to a request; `None`: nothing.
    pub(super) fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next().filter(|_| origins.next().is_none())?;
        match &self.origins {
            Origins::Any => Some(ANY),
            Origins::Listed(listed) => listed.iter().find(|known| *known == origin).cloned(),
        }
    }

    /// Replaces what the answer says of CORS.
    pub(super) fn complete(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        for name in REPLACED {
            headers.remove(name);
        }
        self.describe(origin, |name, value| {
            headers.append(name, value);
        });
    }

    /// Says what a page of this origin may do with an answer.
    pub(super) fn describe(&self, origin: Option<&HeaderValue>, mut add: impl FnMut(HeaderName, HeaderValue)) {
        if let Some(origin) = origin {
            add(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if self.credentials == Credentials::Sent {
                add(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            }
            if let Some(exposed) = &self.exposed {
                add(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
            }
        }
        // What another origin gets, and what none gets, is another answer.
        if let Origins::Listed(_) = self.origins {
            add(VARY, BY_ORIGIN);
        }
    }

    /// Answers a preflight about `method`, where `declared` are those that the path's operations have.
    fn preflight(&self, headers: &HeaderMap, method: &HeaderValue, declared: &[Method]) -> Rejection {
        let refuse = |detail: &'static str| Rejection::new(Code::CorsRefused, detail).with(VARY, BY_PREFLIGHT);
        let Some(origin) = self.allowed_origin(headers) else {
            return refuse("pages of this origin may not call this API");
        };
        let allowed: Vec<&Method> = declared.iter().filter(|method| self.methods.contain(method)).collect();
        if !allowed.iter().any(|known| known.as_str().as_bytes() == method.as_bytes()) {
            return refuse("pages of other origins may not use this method here");
        }
        let list = allowed.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
        let mut answer = Rejection::new(Code::Preflight, "").with(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials == Credentials::Sent {
            answer = answer.with(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Ok(list) = list.parse() {
            answer = answer.with(ACCESS_CONTROL_ALLOW_METHODS, list);
        }
        let optional =
            [(ACCESS_CONTROL_ALLOW_HEADERS, &self.headers), (ACCESS_CONTROL_MAX_AGE, &self.max_age)].into_iter();
        for (name, value) in optional.filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            answer = answer.with(name, value.clone());
        }
        answer.with(VARY, BY_PREFLIGHT)
    }
}

impl CorsMethods {
    fn contain(&self, method: &Method) -> bool {
        match self {
            Self::Declared => true,
            Self::Listed(listed) => listed.contains(method),
        }
    }
}

impl Snapshot {
    /// Answers a preflight to an API with CORS; `None`: it is none, or nothing here would answer the call itself.
    pub(crate) fn preflight(&self, head: &RequestHead, path: &NormalPath<'_>) -> Option<Rejection> {
        let headers = &head.parts.headers;
        if head.parts.method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
            return None;
        }
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let (base, rest) = self.bases(head).find(path.as_str())?;
        let api = self.apis.get(base.api).filter(|api| api.state == ApiState::Ready)?;
        let declared = api.routes.allowed(&base.target(rest));
        let cors = api.cors.as_ref().filter(|_| !declared.is_empty())?;
        Some(cors.preflight(headers, method, &declared))
    }
}
