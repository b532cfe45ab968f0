//! The `userinfo` store against two `OpenID` providers that others wrote, and against endpoints that answer for the wrong
//! user, with the wrong signature, or not at all.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use claims::Attributes;
use stores::{
    CacheSettings, CachedStore, HttpSettings, Question, SignedAnswers, StalePolicy, StoreError, Trace,
    UserInfoEndpoint, UserInfoStore, UserStore,
};
use tokio::runtime::Handle;

use crate::{
    servers::{
        openid::{Canaille, OidcProvider, settings, store},
        web::{Reply, Seen, WebServer, answer, answer_with},
    },
    testing::{at, kind, text, values},
};

const MAP: [(&str, &str); 4] =
    [("email", "email"), ("groups", "groups"), ("/address/country", "country"), ("nickname", "nickname")];

async fn look_up(store: &UserInfoStore, user: &str, token: &str) -> Result<Option<Attributes>, StoreError> {
    store.lookup(Question { token: Some(token), ..Question::new(user, now()) }).await
}

#[expect(clippy::disallowed_methods, reason = "what a provider signs expires by the provider's own clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

async fn failure(store: &UserInfoStore, user: &str, token: &str) -> (&'static str, String) {
    let error = look_up(store, user, token).await.unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    (kind(&error), causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

#[tokio::test]
async fn plain_and_signed_answers_of_oidc_provider_count_for_their_user_alone() {
    let provider = OidcProvider::start();
    let store = store(settings(&provider.iss(), &MAP));
    store.probe().await.unwrap();
    for client in ["mobile", "signing"] {
        for user in ["alice", "bob", "alice/b", "😀"] {
            let token = provider.token(user, client).await;
            let found = values(&look_up(&store, user, &token).await.unwrap().unwrap());
            assert_eq!(found["email"], [text(&format!("{user}@example.com"))]);
            assert_eq!(found["groups"], [text("staff"), text(user)]);
            assert_eq!((&*found["country"], &*found["nickname"]), ([text("CH")].as_slice(), [].as_slice()));
            for other in ["Alice", "carol", "alice ", ""] {
                let (kind, error) = failure(&store, other, &token).await;
                assert!(kind == "malformed" && error.contains("`sub` is not the user's"), "{other}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn plain_and_signed_answers_of_canaille_count() {
    let provider = Canaille::start();
    let store = store(settings(&provider.iss(), &MAP));
    store.probe().await.unwrap();
    for client in ["plain", "signing"] {
        let found = values(&look_up(&store, "alice", &provider.token(client)).await.unwrap().unwrap());
        assert_eq!(
            (&*found["email"], &*found["groups"]),
            ([text("alice@example.com")].as_slice(), [text("staff")].as_slice())
        );
    }
}

#[tokio::test]
async fn a_token_that_the_issuer_refuses_is_no_unknown_user() {
    let provider = OidcProvider::start();
    let store = store(settings(&provider.iss(), &MAP));
    let token = provider.token("alice", "mobile").await;
    assert!(look_up(&store, "alice", &token).await.unwrap().is_some());
    provider.order(&format!(r#"{{"do":"revoke","token":"{token}"}}"#)).await;
    let (kind, error) = failure(&store, "alice", &token).await;
    assert!(kind == "token refused" && !error.contains(&token), "{error}");
    assert_eq!(failure(&store, "alice", "not a\r\ntoken").await.0, "token refused");
    let without = store.lookup(Question::new("alice", at(7))).await.unwrap_err();
    assert_eq!(
        kind_and_text(&without),
        ("no token", "user store `staff` asks with the caller's access token, and there is none".to_owned())
    );
}

fn kind_and_text(error: &StoreError) -> (&'static str, String) {
    (kind(error), error.to_string())
}

#[tokio::test]
async fn new_keys_of_the_issuer_are_found_when_an_answer_names_them() {
    let provider = OidcProvider::start();
    let store = store(settings(&provider.iss(), &MAP));
    for _ in ["the first keys", "new keys"] {
        let token = provider.token("alice", "signing").await;
        assert!(look_up(&store, "alice", &token).await.unwrap().is_some());
        provider.order(r#"{"do":"rotate"}"#).await;
    }
}

#[tokio::test]
async fn signed_answers_can_be_required_and_their_audience_too() {
    let provider = OidcProvider::start();
    let (plain, signed) = (provider.token("alice", "mobile").await, provider.token("alice", "signing").await);
    let mut settings = settings(&provider.iss(), &MAP);
    settings.answers.signed = SignedAnswers::Required;
    settings.answers.audiences = ["another".into(), "signing".into()].into();
    let strict = store(settings.clone());
    assert!(look_up(&strict, "alice", &signed).await.unwrap().is_some());
    let (kind, error) = failure(&strict, "alice", &plain).await;
    assert!(kind == "malformed" && error.contains("not signed"), "{error}");
    let tomorrow = now() + Duration::from_hours(24);
    let later = strict.lookup(Question { token: Some(&signed), ..Question::new("alice", tomorrow) }).await;
    assert!(later.unwrap_err().to_string().contains("it has expired"));
    settings.answers.audiences = ["another".into()].into();
    let (kind, error) = failure(&store(settings.clone()), "alice", &signed).await;
    assert!(kind == "malformed" && error.contains("`aud` names none"), "{error}");
    settings.answers.audiences = [].into();
    settings.issuer.algorithms = [claims::Algorithm::Rs256].into();
    let (kind, error) = failure(&store(settings), "alice", &signed).await;
    assert!(kind == "malformed" && error.contains("signature does not count"), "{error}");
}

#[tokio::test]
async fn another_issuers_signature_does_not_count() {
    let (provider, other) = (OidcProvider::start(), OidcProvider::start());
    let foreign = other.token("alice", "signing").await;
    let mut settings = settings(&provider.iss(), &MAP);
    // As if the endpoint passed on what another issuer has signed.
    settings.endpoint = UserInfoEndpoint::Url(url::Url::parse(&format!("{}/me", other.iss())).unwrap());
    let (kind, error) = failure(&store(settings), "alice", &foreign).await;
    assert!(kind == "malformed" && error.contains("signature does not count"), "{error}");
}

#[tokio::test]
async fn the_trace_shows_the_endpoint_and_the_claims_and_never_the_token() {
    let provider = OidcProvider::start();
    let store = store(settings(&provider.iss(), &MAP));
    let (token, trace) = (provider.token("alice", "mobile").await, Trace::default());
    let question = Question { token: Some(&token), trace: Some(&trace), ..Question::new("alice", at(7)) };
    store.lookup(question).await.unwrap();
    let traced = trace.traced();
    assert_eq!((&*traced.asked, traced.matches), ([format!("GET {}/me", provider.iss()).into()].as_slice(), Some(1)));
    let returned: Vec<&str> = traced.returned.iter().map(|name| &**name).collect();
    assert_eq!(returned, ["/address/country", "email", "given_name", "groups", "sub"]);
    assert!(!format!("{traced:?}").contains(&token));
}

#[tokio::test]
async fn what_is_no_userinfo_is_an_error_and_never_an_empty_answer() {
    const JSON: &str = "application/json";
    for (status, media_type, body, expected) in [
        ("200 OK", "text/html", "<html>Log in</html>", "neither JSON nor a JWT but `text/html`"),
        ("200 OK", JSON, "[]", "no JSON object"),
        ("200 OK", JSON, r#"{"sub":"alice","sub":"bob"}"#, "no JSON object"),
        ("200 OK", JSON, r#"{"email":"a@x"}"#, "`sub` is not the user's"),
        ("200 OK", JSON, r#"{"sub":["alice"]}"#, "`sub` is not the user's"),
        ("200 OK", "application/jwt", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.", "signature does not count"),
        ("200 OK", "application/jwt", "a.b.c.d.e", "signature does not count"),
        ("204 No Content", JSON, "", "answered 204"),
        ("404 Not Found", JSON, "{}", "answered 404"),
    ] {
        let server = WebServer::start(move |_| answer(status, media_type, body)).await;
        let mut settings = settings(server.url("").as_str().trim_end_matches('/'), &MAP);
        settings.endpoint = UserInfoEndpoint::Url(server.url("/userinfo"));
        let (kind, error) = failure(&store(settings), "alice", "t0ken").await;
        assert!(kind == "malformed" && error.contains(expected) && !error.contains("t0ken"), "{body}: {error}");
    }
}

#[tokio::test]
async fn redirects_silence_floods_and_failures_are_unavailable_and_the_token_goes_nowhere_else() {
    let other = WebServer::start(|_| answer("200 OK", "application/json", r#"{"sub":"alice"}"#)).await;
    let target = other.url("/stolen").to_string();
    let redirecting = WebServer::start(move |_| answer_with("302 Found", &[("Location", &target)], "")).await;
    let silent = WebServer::start(|_: &Seen| Reply::Hang).await;
    let flooding = WebServer::start(|_| answer("200 OK", "application/json", &"x".repeat(2 << 20))).await;
    let failing = WebServer::start(|_| answer("500 Oh", "text/html", "")).await;
    for (server, expected) in [
        (&redirecting, "redirect"),
        (&silent, "did not answer"),
        (&flooding, "longer than"),
        (&failing, "answered 500"),
    ] {
        let mut settings = settings("http://x.example", &MAP);
        settings.endpoint = UserInfoEndpoint::Url(server.url("/userinfo"));
        settings.http = HttpSettings { timeout: Duration::from_millis(300), ..HttpSettings::default() };
        let (kind, error) = failure(&store(settings), "alice", "t0ken").await;
        assert!(kind == "unavailable" && error.contains(expected), "{error}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    for document in [
        r#"{"issuer":"https://other.example","userinfo_endpoint":"http://127.0.0.1:1/"}"#,
        r#"{"userinfo_endpoint":"http://127.0.0.1:1/"}"#,
        "<html>",
        "{}",
    ] {
        let server = WebServer::start(move |_| answer("200 OK", "application/json", document)).await;
        let settings = settings(server.url("").as_str().trim_end_matches('/'), &MAP);
        let (kind, error) = failure(&store(settings), "alice", "t0ken").await;
        assert!(kind == "malformed" && error.contains("discovery document"), "{error}");
        assert!(server.seen().iter().all(|seen| seen.header("Authorization").is_none()));
    }
}

#[tokio::test]
async fn answers_are_cached_for_each_token_and_a_refusal_ends_what_was_known() {
    let server = WebServer::start(|seen| match seen.header("Authorization") {
        Some("Bearer good" | "Bearer other") => {
            answer("200 OK", "application/json", r#"{"sub":"alice","email":"a@x"}"#)
        }
        _ => answer("401 Unauthorized", "text/plain", ""),
    })
    .await;
    let mut settings = settings("http://x.example", &MAP);
    settings.endpoint = UserInfoEndpoint::Url(server.url("/userinfo"));
    let cache = CacheSettings { stale_for: Duration::from_hours(1), ..CacheSettings::default() };
    let cache = Arc::new(CachedStore::new("staff".into(), Arc::new(store(settings)), cache, Handle::current()));
    let ask = async |token: &str| {
        let question = Question { token: Some(token), ..Question::new("alice", at(7)) };
        cache.attributes(question, StalePolicy::UseStale).await.map(|answer| answer.attributes.is_some())
    };
    for token in ["good", "good", "other", "other"] {
        assert!(ask(token).await.unwrap());
    }
    assert_eq!(server.seen().len(), 2);
    for _ in 0..2 {
        assert_eq!(kind(&ask("bad").await.unwrap_err()), "token refused");
    }
    assert_eq!(server.seen().len(), 3);
    assert!(ask("good").await.unwrap());
}
