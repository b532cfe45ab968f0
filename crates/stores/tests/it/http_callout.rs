//! The `http` store against a service of the usual kind, and against services that answer badly.

use std::time::Duration;

use claims::{Attributes, Json, Object};
use http::StatusCode;
use stores::{HttpSettings, JsonPointer, Question, StoreError, Trace, UserStore};

use crate::{
    servers::{
        people::{People, listing, settings, store, template},
        scim::json,
        web::{Reply, Seen, WebServer, answer, answer_with},
    },
    testing::{at, kind, text, values},
};

const MAP: [(&str, &str); 3] = [("/mail", "email"), ("/teams", "groups"), ("/address/city", "city")];

fn people() -> People {
    let mut people = Object::default();
    let alice = r#"{"login":"alice","mail":"a@x.example","teams":["staff","ops"],"address":{"city":"Zürich"}}"#;
    people.insert("alice", json(alice));
    people.insert("a&b=c#d", json(r#"{"login":"a&b=c#d","teams":[]}"#));
    People::start(people)
}

async fn look_up(store: &dyn UserStore, name: &str) -> Result<Option<Attributes>, StoreError> {
    store.lookup(Question::new(name, at(7))).await
}

async fn failure(store: &dyn UserStore, name: &str) -> (&'static str, String) {
    let error = look_up(store, name).await.unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    (kind(&error), causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

#[tokio::test]
async fn a_user_is_found_by_path_by_query_and_by_body() {
    let people = people();
    let search = r#"{"query":{"name":"{user}"}}"#;
    for settings in [
        settings(&people.url("/people/{user}"), None, &MAP),
        listing(&people.url("/people?name={user}"), None, &MAP),
        listing(&people.url("/search"), Some(search), &MAP),
    ] {
        let store = store(settings);
        store.probe().await.unwrap();
        let alice = values(&look_up(&store, "alice").await.unwrap().unwrap());
        assert_eq!(alice["email"], [text("a@x.example")]);
        assert_eq!(alice["groups"], [text("staff"), text("ops")]);
        assert_eq!(alice["city"], [text("Zürich")]);
        let other = values(&look_up(&store, "a&b=c#d").await.unwrap().unwrap());
        assert!(other.values().all(Vec::is_empty), "{other:?}");
        for nobody in ["carol", "", "alice\0", "Alice", "alice&name=bob", "..", "a/b", "😀", "%61lice"] {
            assert_eq!(look_up(&store, nobody).await.unwrap(), None, "{nobody:?}");
        }
    }
}

#[tokio::test]
async fn the_trace_shows_the_request_and_what_came_back_but_no_key() {
    let people = people();
    let store = store(listing(&people.url("/search"), Some(r#"{"query":{"name":"{user}"}}"#), &MAP));
    let trace = Trace::default();
    store.lookup(Question { trace: Some(&trace), ..Question::new("alice", at(7)) }).await.unwrap();
    let traced = trace.traced();
    let asked = format!("POST {} {}", people.url("/search"), r#"{"query":{"name":"alice"}}"#);
    assert_eq!((traced.asked, traced.matches), (vec![asked.into()], Some(1)));
    let returned: Vec<&str> = traced.returned.iter().map(|name| &**name).collect();
    assert_eq!(returned, ["/address/city", "/login", "/mail", "/teams"]);
}

#[tokio::test]
async fn a_wrong_key_is_no_unknown_user() {
    let people = people();
    let mut settings = settings(&people.url("/people/{user}"), None, &MAP);
    settings.request.headers.clear();
    let (kind, error) = failure(&store(settings), "alice").await;
    assert!(kind == "unavailable" && error.contains("refuses the gateway's credentials (401"), "{error}");
}

#[tokio::test]
async fn two_entries_are_ambiguous_and_anothers_entry_is_nobodys() {
    let two = WebServer::start(|_| answer("200 OK", "application/json", r#"{"results":[{},{}]}"#)).await;
    let two = store(listing(&template(&two.url(""), "/?u={user}"), None, &MAP));
    assert_eq!(failure(&two, "alice").await.0, "ambiguous");
    let loose = WebServer::start(|_| answer("200 OK", "application/hal+json", r#"{"login":"Alice"}"#)).await;
    let mut settings = settings(&template(&loose.url(""), "/{user}"), None, &MAP);
    settings.reading.user = Some(JsonPointer::parse("/login").unwrap());
    let store = store(settings);
    assert_eq!(look_up(&store, "alice").await.unwrap(), None);
    assert!(look_up(&store, "Alice").await.unwrap().is_some());
}

#[tokio::test]
async fn the_statuses_of_no_such_user_are_the_operators() {
    let server = WebServer::start(|_| answer("410 Gone", "text/plain", "")).await;
    let mut settings = settings(&template(&server.url(""), "/{user}"), None, &MAP);
    let (kind, error) = failure(&store(settings.clone()), "alice").await;
    assert!(kind == "malformed" && error.contains("answered 410"), "{error}");
    settings.reading.not_found = vec![StatusCode::GONE];
    assert_eq!(look_up(&store(settings.clone()), "alice").await.unwrap(), None);
    settings.reading.not_found = Vec::new();
    assert_eq!(failure(&store(settings), "alice").await.0, "malformed");
}

#[tokio::test]
async fn what_is_not_as_configured_is_an_error_and_never_an_empty_answer() {
    const JSON: &str = "application/json";
    for (status, media_type, body, expected) in [
        ("200 OK", "text/html", "<html>", "not JSON but `text/html`"),
        ("200 OK", JSON, "{\"results\":", "not acceptable JSON"),
        ("200 OK", JSON, r#"{"results":[],"results":[]}"#, "not acceptable JSON"),
        ("200 OK", JSON, "{}", "no array at `entries`"),
        ("200 OK", JSON, r#"{"results":{}}"#, "no array at `entries`"),
        ("200 OK", JSON, r#"{"results":["alice"]}"#, "no JSON object"),
        ("200 OK", JSON, r#"{"results":[{"name":"x"}]}"#, "no text at `user`"),
        ("206 Partial Content", JSON, "{}", "answered 206"),
    ] {
        let server = WebServer::start(move |_| answer(status, media_type, body)).await;
        let mut settings = listing(&template(&server.url(""), "/?u={user}"), None, &MAP);
        settings.reading.user = Some(JsonPointer::member("login"));
        let (kind, error) = failure(&store(settings), "alice").await;
        assert!(kind == "malformed" && error.contains(expected) && !error.contains("alice"), "{body}: {error}");
    }
}

#[tokio::test]
async fn redirects_silence_floods_and_failures_are_unavailable() {
    let other = WebServer::start(|_| answer("200 OK", "application/json", "{}")).await;
    let target = other.url("/stolen").to_string();
    let redirecting = WebServer::start(move |_| answer_with("307 Moved", &[("Location", &target)], "")).await;
    let silent = WebServer::start(|_: &Seen| Reply::Hang).await;
    let flooding = WebServer::start(|_| answer("200 OK", "application/json", &"x".repeat(2 << 20))).await;
    let failing = WebServer::start(|_| answer("502 Bad Gateway", "text/html", "")).await;
    for (server, expected) in [
        (&redirecting, "redirect"),
        (&silent, "did not answer"),
        (&flooding, "longer than"),
        (&failing, "answered 502"),
    ] {
        let mut settings = settings(&template(&server.url(""), "/{user}"), None, &MAP);
        settings.service.http = HttpSettings { timeout: Duration::from_millis(300), ..HttpSettings::default() };
        let (kind, error) = failure(&store(settings), "alice").await;
        assert!(kind == "unavailable" && error.contains(expected), "{error}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn values_keep_their_types_and_digits() {
    let body =
        r#"{"n":12345678901234567890,"f":3.10,"b":false,"z":null,"l":[1,null,"x"],"a":[{"v":1},{"v":2}],"o":{"p":{}}}"#;
    let server = WebServer::start(move |_| answer("200 OK", "application/json", body)).await;
    let map =
        [("/n", "n"), ("/f", "f"), ("/b", "b"), ("/z", "z"), ("/l", "l"), ("/a/1/v", "v"), ("/o", "o"), ("", "all")];
    let found = values(
        &look_up(&store(settings(&template(&server.url(""), "/{user}"), None, &map)), "x").await.unwrap().unwrap(),
    );
    let shown = |name: &str| Json::Array(found[name].clone()).to_string();
    let expected = [
        ("n", "[12345678901234567890]"),
        ("f", "[3.10]"),
        ("b", "[false]"),
        ("z", "[]"),
        ("l", r#"[1,"x"]"#),
        ("v", "[2]"),
        ("o", r#"[{"p":{}}]"#),
        ("all", &format!("[{body}]")),
    ];
    for (name, values) in expected {
        assert_eq!(shown(name), values, "{name}");
    }
}
