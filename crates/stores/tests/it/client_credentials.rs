//! A service that wants OAuth 2 access tokens, and the token endpoint where the gateway gets them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use stores::{
    Authorization, ClientAuthentication, ClientCredentialsSettings, Question, ScimSettings, StoreError, UserStore,
};

use url::Url;

use crate::{
    servers::{
        openid::OidcProvider,
        scim::{by_filter, settings, store},
        web::{Reply, Seen, WebServer, answer},
    },
    testing::{at, kind},
};

const NOBODY: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}"#;

/// A token endpoint that gives `token-1`, `token-2` …, each for so many seconds.
async fn endpoint(expires_in: u64) -> WebServer {
    let given = AtomicUsize::new(0);
    WebServer::start(move |_| {
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = format!(r#"{{"access_token":"token-{number}","token_type":"bearer","expires_in":{expires_in}}}"#);
        answer("200 OK", "application/json", &token)
    })
    .await
}

/// A service that accepts one token, which the test sets.
async fn service(accepted: &Arc<AtomicUsize>) -> WebServer {
    let accepted = Arc::clone(accepted);
    WebServer::start(move |seen| {
        let token = format!("Bearer token-{}", accepted.load(Ordering::SeqCst));
        if seen.header("Authorization") == Some(&*token) {
            answer("200 OK", "application/scim+json", NOBODY)
        } else {
            answer("401 Unauthorized", "text/plain", "")
        }
    })
    .await
}

fn store_of(service: &WebServer, endpoint: &WebServer, authentication: ClientAuthentication) -> Arc<dyn UserStore> {
    let mut settings: ScimSettings = settings(service.url(""), by_filter("userName eq \"{user}\""), &[]);
    settings.service.authorization = Authorization::ClientCredentials(ClientCredentialsSettings {
        token_url: endpoint.url("/token"),
        client_id: "gate way".into(),
        client_secret: "p:ss&w0rd".into(),
        scope: Some("scim.read".into()),
        authentication,
    });
    assert!(!format!("{settings:?}").contains("w0rd"));
    Arc::new(store(settings))
}

async fn look_up(store: &dyn UserStore) -> Result<(), StoreError> {
    store.lookup(Question::new("alice", at(7))).await.map(|found| assert_eq!(found, None))
}

fn text(error: &StoreError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn one_token_serves_any_number_of_callers() {
    let (endpoint, service) = (endpoint(3600).await, service(&Arc::new(AtomicUsize::new(1))).await);
    let store = store_of(&service, &endpoint, ClientAuthentication::Basic);
    let answers = futures_util::future::join_all((0..20).map(|_| look_up(&*store))).await;
    assert!(answers.iter().all(Result::is_ok));
    look_up(&*store).await.unwrap();
    let asked = endpoint.seen();
    assert_eq!((asked.len(), service.seen().len()), (1, 21));
    assert_eq!(asked[0].body, "grant_type=client_credentials&scope=scim.read");
    // `gate+way:p%3Ass%26w0rd` (RFC 6749 §2.3.1)
    assert_eq!(asked[0].header("Authorization"), Some("Basic Z2F0ZSt3YXk6cCUzQXNzJTI2dzByZA=="));
}

#[tokio::test]
async fn the_secret_goes_into_the_form_where_the_server_wants_it_there() {
    let (endpoint, service) = (endpoint(3600).await, service(&Arc::new(AtomicUsize::new(1))).await);
    look_up(&*store_of(&service, &endpoint, ClientAuthentication::Post)).await.unwrap();
    let asked = endpoint.seen();
    let form = "grant_type=client_credentials&scope=scim.read&client_id=gate+way&client_secret=p%3Ass%26w0rd";
    assert_eq!((&*asked[0].body, asked[0].header("Authorization")), (form, None));
}

#[tokio::test]
async fn a_token_at_its_end_is_renewed() {
    let accepted = Arc::new(AtomicUsize::new(1));
    let (endpoint, service) = (endpoint(0).await, service(&accepted).await);
    let store = store_of(&service, &endpoint, ClientAuthentication::Basic);
    look_up(&*store).await.unwrap();
    accepted.store(2, Ordering::SeqCst);
    look_up(&*store).await.unwrap();
    assert_eq!((endpoint.seen().len(), service.seen().len()), (2, 2));
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let accepted = Arc::new(AtomicUsize::new(2));
    let (endpoint, service) = (endpoint(3600).await, service(&accepted).await);
    let store = store_of(&service, &endpoint, ClientAuthentication::Basic);
    look_up(&*store).await.unwrap();
    assert_eq!((endpoint.seen().len(), service.seen().len()), (2, 2));
    accepted.store(99, Ordering::SeqCst);
    let error = look_up(&*store).await.unwrap_err();
    assert!(kind(&error) == "unavailable" && text(&error).contains("refuses the gateway's credentials"), "{error:?}");
    assert_eq!((endpoint.seen().len(), service.seen().len()), (3, 4));
}

#[tokio::test]
async fn without_a_token_the_service_is_not_asked() {
    const JSON: &str = "application/json";
    let refusals = [
        ("401 Unauthorized", r#"{"error":"invalid_client","error_description":"p:ss"}"#, "401, `invalid_client`"),
        ("200 OK", "<html>", "has no `access_token`"),
        ("200 OK", r#"{"access_token":"x","token_type":"DPoP"}"#, "not a token of type `Bearer`"),
        ("200 OK", "{\"access_token\":\"x\\r\\nX: y\",\"token_type\":\"Bearer\"}", "no header field can hold"),
    ];
    for (status, body, expected) in refusals {
        let endpoint = WebServer::start(move |_| answer(status, JSON, body)).await;
        let service = service(&Arc::new(AtomicUsize::new(1))).await;
        let store = store_of(&service, &endpoint, ClientAuthentication::Basic);
        let error = look_up(&*store).await.unwrap_err();
        assert!(kind(&error) == "unavailable" && text(&error).contains(expected), "{}", text(&error));
        assert!(!text(&error).contains("p:ss") && service.seen().is_empty());
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_asked_once_for_all_who_wait() {
    let endpoint = WebServer::start(|_| Reply::SendAndClose(Vec::new())).await;
    let service = service(&Arc::new(AtomicUsize::new(1))).await;
    let store = store_of(&service, &endpoint, ClientAuthentication::Basic);
    let answers = futures_util::future::join_all((0..20).map(|_| look_up(&*store))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|error| kind(error) == "unavailable")));
    assert!(endpoint.seen().len() <= 2, "{}", endpoint.seen().len());
}

#[tokio::test]
async fn a_certified_provider_gives_tokens_for_either_way_to_authenticate() {
    let provider = OidcProvider::start();
    let service = WebServer::start(|_| answer("200 OK", "application/scim+json", NOBODY)).await;
    for (client_id, authentication) in
        [("gateway", ClientAuthentication::Basic), ("poster", ClientAuthentication::Post)]
    {
        let mut settings = settings(service.url(""), by_filter("userName eq \"{user}\""), &[]);
        settings.service.authorization = Authorization::ClientCredentials(ClientCredentialsSettings {
            token_url: Url::parse(&format!("{}/token", provider.iss())).unwrap(),
            client_id: client_id.into(),
            client_secret: format!("{client_id}:secret/with+signs").into(),
            scope: None,
            authentication,
        });
        let store = store(settings);
        look_up(&store).await.unwrap();
        look_up(&store).await.unwrap();
    }
    let tokens: Vec<Seen> = service.seen();
    let token = |number: usize| tokens[number].header("Authorization").unwrap();
    assert!(token(0).starts_with("Bearer ") && token(0) == token(1) && token(2) == token(3) && token(0) != token(2));
    let asked = provider.order(r#"{"do":"count"}"#).await;
    assert_eq!(asked.as_object().unwrap().get("/token").unwrap().as_u64(), Some(2));
}
