//! Two `OpenID` providers that others wrote: oidc-provider (Node) and Canaille (Python), each with a client that gets signed
//! `UserInfo` answers and one that does not.

use std::{io::Write, sync::Arc};

use claims::{Algorithm, Json, Object, SecretKeys, VerificationKeys};
use http::HeaderValue;
use stores::{
    AttributeMap, HttpClient, HttpRequest, HttpSettings, JsonPointer, KeyFinder, KeysWanted, MappedAttribute,
    UserInfoAnswers, UserInfoEndpoint, UserInfoIssuer, UserInfoSettings, UserInfoStore,
};
use tempfile::NamedTempFile;
use tokio::sync::Mutex;
use url::Url;

use super::script::Script;

/// The certified oidc-provider, and the file with its people where it has some.
pub(crate) struct OidcProvider {
    script: Script,
    _people: Option<NamedTempFile>,
}

/// Canaille, as pytest-iam starts it.
pub(crate) struct Canaille(Script);

impl OidcProvider {
    pub(crate) fn start() -> Self {
        Self { script: Script::node("openid.mjs", &[]), _people: None }
    }

    /// Starts it with these people: their claims, by their names.
    pub(crate) fn with(people: Object) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}", Json::Object(people)).unwrap();
        let script = Script::node("openid.mjs", &[file.path().to_str().unwrap()]);
        Self { script, _people: Some(file) }
    }

    pub(crate) fn iss(&self) -> String {
        format!("http://127.0.0.1:{}", self.script.port())
    }

    /// Returns an opaque access token of a user, by a client.
    pub(crate) async fn token(&self, user: &str, client: &str) -> String {
        let user = Json::string(user);
        let asked = format!(r#"{{"do":"token","user":{user},"client":"{client}","scope":"openid","format":"opaque"}}"#);
        let answer = self.order(&asked).await;
        answer.as_object().unwrap().get("token").unwrap().as_str().unwrap().to_owned()
    }

    /// Has something done.
    pub(crate) async fn order(&self, order: &str) -> Json {
        let url = Url::parse(&format!("{}/_test", self.iss())).unwrap();
        let media_type = HeaderValue::from_static("application/json");
        let request = HttpRequest::post(url, media_type, order.as_bytes().to_vec());
        let answer = client().send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        Json::parse(&answer.body).unwrap()
    }
}

impl Canaille {
    pub(crate) fn start() -> Self {
        Self(Script::python("iam.py", &[]))
    }

    pub(crate) fn iss(&self) -> String {
        format!("http://localhost:{}", self.0.port())
    }

    /// Returns an access token of its one user, `alice`, by a client.
    pub(crate) fn token(&self, client: &str) -> String {
        let said = Json::parse(self.0.more().as_bytes()).unwrap();
        let tokens = said.as_object().unwrap().get("tokens").unwrap().as_object().unwrap();
        tokens.get(client).unwrap().as_str().unwrap().to_owned()
    }
}

/// Returns settings for an issuer that is found by discovery.
pub(crate) fn settings(iss: &str, map: &[(&str, &str)]) -> UserInfoSettings {
    let entries = map.iter().map(|(claim, name)| MappedAttribute::new(*claim, *name)).collect();
    let pointer = |claim: &str| {
        if claim.starts_with('/') { JsonPointer::parse(claim).unwrap() } else { JsonPointer::member(claim) }
    };
    UserInfoSettings {
        endpoint: UserInfoEndpoint::Discovery(address(iss, "/.well-known/openid-configuration")),
        issuer: UserInfoIssuer {
            iss: iss.into(),
            keys: keys_of(iss),
            algorithms: [Algorithm::Es256, Algorithm::Rs256].into(),
        },
        answers: UserInfoAnswers::default(),
        attributes: AttributeMap::new(entries).unwrap(),
        pointers: map.iter().map(|(claim, _)| (Box::from(*claim), pointer(claim))).collect(),
        http: HttpSettings::default(),
    }
}

/// Makes a store called `staff`.
pub(crate) fn store(settings: UserInfoSettings) -> UserInfoStore {
    UserInfoStore::new("staff".into(), settings).unwrap()
}

/// Finds keys as the gateway does: what was fetched last, until newer ones are wanted.
fn keys_of(iss: &str) -> KeyFinder {
    let (document, known) = (address(iss, "/.well-known/openid-configuration"), Arc::new(Mutex::new(None)));
    KeyFinder::new(move |wanted, _| {
        let (document, known) = (document.clone(), Arc::clone(&known));
        Box::pin(async move {
            let mut known = known.lock().await;
            if known.is_none() || wanted == KeysWanted::Newer {
                let document = client().send(HttpRequest::get(document)).await.ok()?;
                let document = Json::parse(&document.body).ok()?;
                let jwks = Url::parse(document.as_object()?.get("jwks_uri")?.as_str()?).ok()?;
                let jwks = client().send(HttpRequest::get(jwks)).await.ok()?;
                *known = VerificationKeys::from_jwks(&jwks.body, SecretKeys::Refuse).ok().map(Arc::new);
            }
            known.clone()
        })
    })
}

fn address(iss: &str, path: &str) -> Url {
    Url::parse(&format!("{iss}{path}")).unwrap()
}

fn client() -> HttpClient {
    HttpClient::new(&HttpSettings::default()).unwrap()
}
