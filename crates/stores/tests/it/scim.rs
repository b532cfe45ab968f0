//! The `scim` store against two services that others wrote, and against one that answers what the standard forbids.

use std::{sync::Arc, time::Duration};

use claims::{Attributes, Json};
use stores::{HttpSettings, Question, ScimFind, ScimSelection, ScimSettings, StoreError, Trace, UserMatch, UserStore};

use crate::{
    servers::{
        scim::{ENTERPRISE, ScimServer, by_filter, json, settings, store, user},
        web::{Ca, Reply, Seen, WebServer, answer, answer_with},
    },
    testing::{at, kind, text, values},
};

const BY_NAME: &str = "userName eq \"{user}\"";

/// Alice as both services have her, and others who are nearly she.
fn people() -> Vec<claims::Object> {
    let alice = [
        ("userName", text("alice")),
        ("name", json(r#"{"givenName":"Alice","familyName":"Liddell"}"#)),
        ("active", Json::Bool(true)),
        (
            "emails",
            json(
                r#"[{"value":"a@home.example","type":"home"},{"value":"a@work.example","type":"work","primary":true}]"#,
            ),
        ),
        ("groups", json(r#"[{"value":"1","display":"staff"},{"value":"2","display":"ops"}]"#)),
        (ENTERPRISE, json(r#"{"department":"R&D","employeeNumber":"701984"}"#)),
    ];
    let bob = |id, name: &str| user(id, [("userName", text(name)), ("nickName", text("bob"))]);
    vec![user("a1", alice), bob("b1", "bob"), bob("b2", "bob@example.com"), bob("a/b", "slash"), bob("..", "dots")]
}

fn map() -> [(&'static str, &'static str); 6] {
    [
        ("emails[primary eq true].value", "email"),
        ("name.givenName", "given_name"),
        ("groups.display", "groups"),
        ("active", "active"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "department"),
        ("nickName", "nickname"),
    ]
}

async fn look_up(store: &dyn UserStore, name: &str) -> Result<Option<Attributes>, StoreError> {
    store.lookup(Question::new(name, at(7))).await
}

/// Says how a look-up that must fail does: its kind and all of its text.
async fn failure(store: &dyn UserStore, name: &str) -> (&'static str, String) {
    let error = look_up(store, name).await.unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    (kind(&error), causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn check_alice(attributes: &Attributes) {
    let expected = r#"{"active":[true],"department":["R&D"],"email":["a@work.example"],"given_name":["Alice"],"groups":["staff","ops"],"nickname":[]}"#;
    let found = values(attributes).into_iter().map(|(name, values)| (name.into(), Json::Array(values)));
    let mut object = claims::Object::default();
    found.for_each(|(name, values): (Box<str>, Json)| object.insert(name, values));
    assert_eq!(Json::Object(object).to_string(), expected);
}

/// Looks her up by name and by id, and somebody else too.
async fn check_service(server: &ScimServer, selection: ScimSelection) {
    let with = |find| store(ScimSettings { selection, ..server.settings(find, &map()) });
    for (store, name) in [(with(by_filter(BY_NAME)), "alice"), (with(ScimFind::Id), "a1")] {
        store.probe().await.unwrap();
        check_alice(&look_up(&store, name).await.unwrap().unwrap());
        assert_eq!(look_up(&store, "carol").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_user_is_found_by_filter_and_by_id_in_both_services() {
    check_service(&ScimServer::scim2(&people()), ScimSelection::Needed).await;
    check_service(&ScimServer::scim2(&people()), ScimSelection::Default).await;
    check_service(&ScimServer::scimmy(&people()), ScimSelection::Default).await;
}

#[tokio::test]
async fn a_service_that_stumbles_over_the_selection_is_an_error_until_it_is_left_out() {
    let server = ScimServer::scimmy(&people());
    let (kind, error) = failure(&store(server.settings(by_filter(BY_NAME), &map())), "alice").await;
    assert!(kind == "malformed" && error.contains("answered 400, `invalidValue`"), "{error}");
    let core = store(server.settings(by_filter(BY_NAME), &map()[..3]));
    assert_eq!(values(&look_up(&core, "alice").await.unwrap().unwrap())["groups"], [text("staff"), text("ops")]);
}

#[tokio::test]
async fn the_trace_shows_what_was_asked_and_what_came_back() {
    let server = ScimServer::scim2(&people());
    let (store, trace) = (store(server.settings(by_filter(BY_NAME), &map()[..3])), Trace::default());
    store.lookup(Question { trace: Some(&trace), ..Question::new("alice", at(7)) }).await.unwrap();
    let traced = trace.traced();
    let asked = format!(
        "GET {}/Users?filter=userName%20eq%20%22alice%22&count=2&attributes=emails,groups,name,userName",
        server.url()
    );
    assert_eq!(traced.asked, [asked.into()]);
    assert_eq!(traced.matches, Some(1));
    let returned: Vec<&str> = traced.returned.iter().map(|name| &**name).collect();
    let expected = ["emails[primary eq true].value", "groups.display", "id", "name.givenName", "schemas", "userName"];
    assert_eq!(returned, expected);
}

#[tokio::test]
async fn a_name_spelled_otherwise_is_nobody_unless_the_operator_trusts_the_service() {
    let server = ScimServer::scim2(&people());
    let exact = store(server.settings(by_filter(BY_NAME), &map()));
    assert_eq!(look_up(&exact, "ALICE").await.unwrap(), None);
    let trusting = ScimSettings { user_match: UserMatch::Store, ..server.settings(by_filter(BY_NAME), &map()) };
    check_alice(&look_up(&store(trusting), "ALICE").await.unwrap().unwrap());
}

#[tokio::test]
async fn two_users_with_one_name_are_ambiguous() {
    for server in [ScimServer::scim2(&people()), ScimServer::scimmy(&people())] {
        let store = store(server.settings(by_filter("nickName eq \"{user}\""), &map()));
        assert_eq!(failure(&store, "bob").await.0, "ambiguous");
    }
}

#[tokio::test]
async fn ids_that_are_steps_or_hold_slashes_are_nobodys_and_never_sent() {
    let server = ScimServer::scim2(&people());
    let store = store(server.settings(ScimFind::Id, &map()));
    for name in ["..", ".", "a/b", "../Users/a1", "a1\\..", "a1\0", ""] {
        let trace = Trace::default();
        let found = store.lookup(Question { trace: Some(&trace), ..Question::new(name, at(7)) }).await;
        assert_eq!((found.unwrap(), trace.traced().asked), (None, Vec::new()), "{name:?}");
    }
    for name in ["a1?x=y", "a1#", "%2e%2e", "a1%00", "A1", "a1 ", "a1;", "😀", &"x".repeat(1000)] {
        assert_eq!(look_up(&store, name).await.unwrap(), None, "{name:?}");
    }
}

#[tokio::test]
async fn a_last_answer_is_confirmed_and_never_served_unconfirmed() {
    let server = WebServer::start(|seen| match seen.header("If-None-Match") {
        Some("W/\"1\"") => answer_with("304 Not Modified", &[("ETag", "W/\"1\"")], ""),
        Some(_) => answer("500 Internal Server Error", "text/plain", ""),
        None if seen.target().contains("unasked") => answer_with("304 Not Modified", &[], ""),
        None => answer_with(
            "200 OK",
            &[("ETag", "W/\"1\""), ("Content-Type", "application/scim+json")],
            r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"a1","nickName":"Al"}"#,
        ),
    })
    .await;
    let store = store(settings(server.url("/v2/"), ScimFind::Id, &[("nickName", "nickname")]));
    for _ in 0..3 {
        let attributes = look_up(&store, "a1").await.unwrap().unwrap();
        assert_eq!(values(&attributes)["nickname"], [text("Al")]);
    }
    let conditions: Vec<bool> = server.seen().iter().map(|seen| seen.header("If-None-Match").is_some()).collect();
    assert_eq!(conditions, [false, true, true]);
    assert_eq!(server.seen()[0].target(), "/v2/Users/a1?attributes=nickName");
    assert_eq!(failure(&store, "unasked").await.0, "malformed");
}

#[tokio::test]
async fn scim2_server_confirms_by_etag() {
    let server = ScimServer::scim2(&people());
    let store = store(server.settings(ScimFind::Id, &map()));
    for _ in 0..2 {
        check_alice(&look_up(&store, "a1").await.unwrap().unwrap());
    }
}

/// A service that answers every search with the same.
async fn answering(status: &'static str, media_type: &'static str, body: &'static str) -> WebServer {
    WebServer::start(move |_| answer(status, media_type, body)).await
}

#[tokio::test]
async fn what_the_standard_forbids_is_an_error_and_never_an_empty_answer() {
    const SCIM: &str = "application/scim+json";
    let cases = [
        ("200 OK", "text/html", "<html>Log in</html>", "not JSON but `text/html`"),
        ("200 OK", SCIM, "<html>", "not acceptable JSON"),
        ("200 OK", SCIM, "[]", "not acceptable JSON"),
        ("200 OK", SCIM, r#"{"totalResults":0}"#, "not of the schema"),
        (
            "200 OK",
            SCIM,
            r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"alice"}"#,
            "not of the schema",
        ),
        ("200 OK", SCIM, r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"]}"#, "do not fit"),
        (
            "200 OK",
            SCIM,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1}"#,
            "do not fit",
        ),
        (
            "200 OK",
            SCIM,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"schemas":["urn:x:Group"],"userName":"alice"}]}"#,
            "not of the schema",
        ),
        (
            "200 OK",
            SCIM,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"userName":"alice","username":"bob"}]}"#,
            "differ by case only",
        ),
        (
            "200 OK",
            SCIM,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"id":"1"}]}"#,
            "userMatch: store",
        ),
        (
            "400 Bad Request",
            SCIM,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidFilter","detail":"alice"}"#,
            "answered 400, `invalidFilter`",
        ),
        ("404 Not Found", "text/html", "no such page", "is `url` right?"),
        ("204 No Content", SCIM, "", "answered 204"),
    ];
    for (status, media_type, body, expected) in cases {
        let server = answering(status, media_type, body).await;
        let store = store(settings(server.url(""), by_filter(BY_NAME), &map()));
        let (kind, error) = failure(&store, "alice").await;
        assert!(kind == "malformed" && error.contains(expected) && !error.contains("alice"), "{body}: {kind} {error}");
        assert_eq!(kind, "malformed");
        assert!(store.probe().await.is_err() || body.contains("Resources"), "{body}");
    }
}

#[tokio::test]
async fn an_error_of_the_service_or_of_the_credentials_is_no_unknown_user() {
    for (status, expected) in [
        ("401 Unauthorized", "refuses the gateway's credentials (401"),
        ("403 Forbidden", "refuses the gateway's credentials (403"),
        ("429 Too Many Requests", "answered 429"),
        ("500 Internal Server Error", "answered 500"),
        ("503 Service Unavailable", "answered 503"),
    ] {
        let server = WebServer::start(move |_| answer_with(status, &[("Retry-After", "7")], "")).await;
        for find in [by_filter(BY_NAME), ScimFind::Id] {
            let store = store(settings(server.url(""), find, &map()));
            let (kind, error) = failure(&store, "alice").await;
            assert!(kind == "unavailable" && error.contains(expected), "{status}: {kind} {error}");
            let StoreError::Unavailable { retry_after, .. } = look_up(&store, "alice").await.unwrap_err() else {
                panic!("unavailable");
            };
            assert_eq!(retry_after, Duration::from_secs(7));
        }
    }
}

#[tokio::test]
async fn a_page_that_is_no_scim_error_makes_nobody_unknown() {
    let server = answering("404 Not Found", "text/html", "<html>").await;
    let store = store(settings(server.url(""), ScimFind::Id, &map()));
    let (kind, error) = failure(&store, "alice").await;
    assert!(kind == "malformed" && error.contains("is `url` right?"), "{error}");
}

#[tokio::test]
async fn another_users_answer_is_refused() {
    let other = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"Alice"}"#;
    let server = answering("200 OK", "application/json", other).await;
    let (kind, error) = failure(&store(settings(server.url(""), ScimFind::Id, &map())), "alice").await;
    assert!(kind == "malformed" && error.contains("`id` is not the one"), "{error}");
}

#[tokio::test]
async fn redirects_silence_and_floods_are_unavailable() {
    let other = WebServer::start(|_| answer("200 OK", "application/scim+json", "{}")).await;
    let target = other.url("/Users").to_string();
    let redirecting = WebServer::start(move |_| answer_with("302 Found", &[("Location", &target)], "")).await;
    let silent = WebServer::start(|_: &Seen| Reply::Hang).await;
    let flooding = WebServer::start(|_| answer("200 OK", "application/scim+json", &"x".repeat(2 << 20))).await;
    for (server, expected) in [(&redirecting, "redirect"), (&silent, "did not answer"), (&flooding, "longer than")] {
        let mut settings = settings(server.url(""), by_filter(BY_NAME), &map());
        settings.service.http = HttpSettings { timeout: Duration::from_millis(300), ..HttpSettings::default() };
        let (kind, error) = failure(&store(settings), "alice").await;
        assert!(kind == "unavailable" && error.contains(expected), "{error}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_service_with_a_certificate_of_the_private_ca_is_trusted_and_no_other() {
    const EMPTY: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}"#;
    let ca = Ca::new();
    let server = WebServer::start_tls(&ca, |_| answer("200 OK", "application/scim+json", EMPTY)).await;
    for (trusted, is_trusted) in [(ca.pem(), true), (Ca::new().pem(), false)] {
        let mut settings = settings(server.url(""), by_filter(BY_NAME), &map());
        settings.service.http.ca = Some(trusted);
        let found = look_up(&store(settings), "alice").await;
        assert_eq!(found.is_ok_and(|found| found.is_none()), is_trusted);
    }
}

#[tokio::test]
async fn a_service_that_was_killed_answers_again_when_it_is_back() {
    let list = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"userName":"alice","nickName":"Al"}]}"#;
    let server = answering("200 OK", "application/scim+json", list).await;
    let address = server.address();
    let store: Arc<dyn UserStore> = Arc::new(store(settings(server.url(""), by_filter(BY_NAME), &map())));
    assert!(look_up(&*store, "alice").await.unwrap().is_some());
    server.end().await;
    assert_eq!(failure(&*store, "alice").await.0, "unavailable");
    let _back = WebServer::start_at(address, move |_| answer("200 OK", "application/scim+json", list)).await;
    assert!(look_up(&*store, "alice").await.unwrap().is_some());
}
