//! The LDAP store while its servers misbehave: an error each time, never another user, and no lasting damage.

use std::{error::Error, sync::Arc, time::Duration};

use futures_util::future::join_all;
use stores::{CacheSettings, CachedStore, LdapStore, Question, StalePolicy, StoreError, UserStore};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Handle,
};

use crate::{
    servers::{
        process::free_port,
        proxy::{Proxy, Weather},
        slapd::{Asked, GATEWAY, Ldif, PASSWORD, PEOPLE, Slapd},
        web::Ca,
    },
    testing::{at, kind, text, values},
};

const SHORT: Duration = Duration::from_millis(300);

fn people() -> Ldif {
    let mut ldif = Ldif::default();
    for number in 0..40 {
        let name = format!("user-{number}");
        ldif.person(&format!("cn={number},{PEOPLE}"), &name, &[("mail", &format!("{name}@example.com"))]);
    }
    ldif
}

/// True when `user` gets his own attributes; `Err`: which kind of error. Anything else fails the test.
async fn ask(store: &LdapStore, user: &str) -> Result<(), &'static str> {
    let found = store.lookup(Question::new(user, at(0))).await.map_err(|error| kind(&error))?;
    assert_eq!(values(&found.unwrap())["name"], [text(user)]);
    Ok(())
}

/// Says what an error and its causes say.
fn words(error: &StoreError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    assert!(!words.contains(PASSWORD) && !format!("{error:?}").contains(PASSWORD), "{error:?}");
    words
}

/// Checks that both probe and look-up fail, and what the operator is told.
async fn check_refusal(asked: Asked, expected: &[&str]) {
    let store = asked.store();
    for outcome in [store.probe().await, store.lookup(Question::new("user-1", at(0))).await.map(|_| ())] {
        let error = outcome.unwrap_err();
        let words = words(&error);
        assert_eq!(kind(&error), "unavailable", "{words}");
        assert!(expected.iter().all(|expected| words.contains(expected)), "{words}");
    }
}

#[tokio::test]
async fn a_server_that_was_away_is_asked_again() {
    let mut slapd = Slapd::start(&people()).await;
    let store = slapd.asked().store();
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    slapd.kill();
    for _ in 0..3 {
        assert_eq!(ask(&store, "user-1").await, Err("unavailable"));
    }
    slapd.start_again().await;
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    store.probe().await.unwrap();
}

#[tokio::test]
async fn connections_that_a_restart_broke_are_replaced_unseen() {
    let mut slapd = Slapd::start(&people()).await;
    let store = slapd.asked().store();
    let names: Vec<String> = (0..8).map(|number| format!("user-{number}")).collect();
    for _ in 0..2 {
        let found = join_all(names.iter().map(|name| ask(&store, name))).await;
        assert!(found.iter().all(Result::is_ok), "{found:?}");
        slapd.kill();
        slapd.start_again().await;
    }
}

#[tokio::test]
async fn start_tls_and_the_bare_protocol_work_where_they_are_asked_for() {
    let slapd = Slapd::start(&people()).await;
    let start_tls = Asked { urls: vec![slapd.url()], start_tls: true, ..slapd.asked() };
    assert_eq!(ask(&start_tls.clone().store(), "user-1").await, Ok(()));
    let bare = Asked { start_tls: false, ca: None, ..start_tls.clone() };
    assert_eq!(ask(&bare.store(), "user-1").await, Ok(()));
    check_refusal(Asked { ca: None, ..start_tls }, &["no connection to `ldap://127.0.0.1", "UnknownIssuer"]).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_has_expired_is_refused() {
    let slapd = Slapd::start(&people()).await;
    check_refusal(Asked { ca: None, ..slapd.asked() }, &["UnknownIssuer"]).await;
    check_refusal(Asked { ca: Some(Ca::new().pem()), ..slapd.asked() }, &["invalid peer certificate"]).await;
    let urls = vec![slapd.ldaps_url().replace("127.0.0.1", "localhost")];
    check_refusal(Asked { urls, ..slapd.asked() }, &["not valid for name"]).await;
    let slapd = Slapd::start_with(&people(), Ca::of_the_past()).await;
    check_refusal(slapd.asked(), &["certificate expired"]).await;
}

#[tokio::test]
async fn a_password_that_has_changed_is_named_as_the_cause() {
    let mut slapd = Slapd::start(&people()).await;
    let store = slapd.asked().store();
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    slapd.modify(&format!("dn: {GATEWAY}\nchangetype: modify\nreplace: userPassword\nuserPassword: new\n"));
    slapd.kill();
    slapd.start_again().await;
    assert_eq!(ask(&store, "user-1").await, Err("unavailable"));
    check_refusal(slapd.asked(), &["the bind", "invalidCredentials"]).await;
    let bind = Some((GATEWAY.to_owned(), "new".to_owned()));
    assert_eq!(ask(&Asked { bind, ..slapd.asked() }.store(), "user-1").await, Ok(()));
    check_refusal(Asked { bind: None, ..slapd.asked() }, &["insufficientAccessRights"]).await;
}

#[tokio::test]
async fn a_wrong_password_does_not_lock_the_account() {
    let slapd = Slapd::start(&people()).await;
    let mut policy = Ldif::default();
    let attributes: [(&str, &[u8]); 5] = [
        ("objectClass", b"device"),
        ("objectClass", b"pwdPolicy"),
        ("pwdAttribute", b"userPassword"),
        ("pwdLockout", b"TRUE"),
        ("pwdMaxFailure", b"3"),
    ];
    policy.entry("cn=policy,dc=example,dc=com", &attributes);
    slapd.add(&policy);
    let obey = "add: pwdPolicySubentry\npwdPolicySubentry: cn=policy,dc=example,dc=com";
    slapd.modify(&format!("dn: {GATEWAY}\nchangetype: modify\n{obey}\n"));
    let wrong = Asked { bind: Some((GATEWAY.to_owned(), "wrong".to_owned())), pool: 20, ..slapd.asked() }.store();
    for _ in 0..3 {
        let found = join_all((0..20).map(|_| ask(&wrong, "user-1"))).await;
        assert!(found.iter().all(|found| *found == Err("unavailable")));
    }
    let error = wrong.lookup(Question::new("user-1", at(0))).await.unwrap_err();
    let words = words(&error);
    assert!(words.contains("lest the account be locked") && words.contains("invalidCredentials"), "{words}");
    assert_eq!(ask(&slapd.asked().store(), "user-1").await, Ok(()));
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_host_are_named() {
    let url = format!("ldaps://127.0.0.1:{}", free_port());
    check_refusal(Asked { urls: vec![url.clone()], ..Asked::default() }, &[&url, "refused"]).await;
    let nowhere = "ldaps://nowhere.invalid".to_owned();
    check_refusal(Asked { urls: vec![nowhere.clone()], ..Asked::default() }, &[&nowhere]).await;
}

#[tokio::test]
async fn a_late_answer_is_given_up_and_never_another_users() {
    let slapd = Slapd::start(&people()).await;
    let proxy = Proxy::start(slapd.tls_port).await;
    let urls = vec![format!("ldaps://127.0.0.1:{}", proxy.port())];
    let store = Asked { urls, pool: 1, timeout: SHORT, ..slapd.asked() }.store();
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    proxy.set(Weather::Slow(2 * SHORT));
    assert_eq!(ask(&store, "user-2").await, Err("unavailable"));
    proxy.set(Weather::Fair);
    for number in 3..9 {
        assert_eq!(ask(&store, &format!("user-{number}")).await, Ok(()));
    }
}

#[tokio::test]
async fn half_open_connections_are_not_used_again() {
    let slapd = Slapd::start(&people()).await;
    let proxy = Proxy::start(slapd.tls_port).await;
    let urls = vec![format!("ldaps://127.0.0.1:{}", proxy.port())];
    let limits = Asked { timeout: SHORT, connect_timeout: 4 * SHORT, ..slapd.asked() };
    let store = Asked { urls, ..limits }.store();
    let names: Vec<String> = (0..4).map(|number| format!("user-{number}")).collect();
    assert!(join_all(names.iter().map(|name| ask(&store, name))).await.iter().all(Result::is_ok));
    proxy.set(Weather::Silent);
    assert_eq!(ask(&store, "user-1").await, Err("unavailable"));
    proxy.set(Weather::Fair);
    // Three of the four connections have not been heard of since: their bytes are lost, and they would stay silent.
    assert!(join_all(names.iter().map(|name| ask(&store, name))).await.iter().all(Result::is_ok));
    proxy.set(Weather::Silent);
    let error = Asked { urls: vec![format!("ldap://127.0.0.1:{}", proxy.port())], ..slapd.asked() };
    check_refusal(Asked { connect_timeout: SHORT, start_tls: true, ..error }, &["connectTimeout"]).await;
}

#[tokio::test]
async fn an_exhausted_pool_refuses_and_recovers() {
    let slapd = Slapd::start(&people()).await;
    let proxy = Proxy::start(slapd.tls_port).await;
    let urls = vec![format!("ldaps://127.0.0.1:{}", proxy.port())];
    let store = Asked { urls, pool: 2, connect_timeout: Duration::from_secs(2), ..slapd.asked() }.store();
    assert!(join_all(["user-1", "user-2"].map(|name| ask(&store, name))).await.iter().all(Result::is_ok));
    proxy.set(Weather::Slow(Duration::from_secs(4)));
    let questions = ["user-1", "user-2", "user-3"].map(|name| store.lookup(Question::new(name, at(0))));
    let found = join_all(questions).await;
    let refused: Vec<String> = found.iter().filter_map(|found| found.as_ref().err()).map(words).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("all 2 connections are in use"), "{refused:?}");
    proxy.set(Weather::Fair);
    assert!(join_all(["user-1", "user-2", "user-3"].map(|name| ask(&store, name))).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn another_server_takes_over() {
    let mut first = Slapd::start(&people()).await;
    let second = Slapd::start(&people()).await;
    let asked = Asked { ca: Some([first.ca.pem(), second.ca.pem()].concat()), ..first.asked() };
    let silent = Proxy::start(second.tls_port).await;
    let urls = |ports: &[u16]| ports.iter().map(|port| format!("ldaps://127.0.0.1:{port}")).collect::<Vec<_>>();
    let dead = free_port();
    let store = Asked { urls: urls(&[dead, second.tls_port]), ..asked.clone() }.store();
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    let error = store.probe().await.unwrap_err();
    assert!(words(&error).contains(&dead.to_string()), "{error:?}");
    let store = Asked { urls: urls(&[first.tls_port, second.tls_port]), ..asked.clone() }.store();
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    first.kill();
    for number in 0..4 {
        assert_eq!(ask(&store, &format!("user-{number}")).await, Ok(()));
    }
    let store = Asked { urls: urls(&[silent.port(), second.tls_port]), timeout: 4 * SHORT, ..asked }.store();
    assert_eq!(ask(&store, "user-1").await, Ok(()));
    silent.set(Weather::Silent);
    assert_eq!(ask(&store, "user-2").await, Ok(()));
}

#[tokio::test]
async fn bases_and_attributes_that_are_not_there_are_found_by_the_probe() {
    let slapd = Slapd::start(&people()).await;
    slapd.asked().giving(&[("mail", "email"), ("memberOf", "groups")]).store().probe().await.unwrap();
    let bases = vec!["ou=peple,dc=example,dc=com".to_owned()];
    let error = Asked { bases, ..slapd.asked() }.store().probe().await.unwrap_err();
    assert!(words(&error).contains("ou=peple") && words(&error).contains("noSuchObject"), "{error:?}");
    let error = slapd.asked().giving(&[("emial", "email")]).store().probe().await.unwrap_err();
    assert!(words(&error).contains("no attribute `emial`"), "{error:?}");
    let filter = "(&(objectClas=person)(uid={user}))".to_owned();
    let error = Asked { filter, ..slapd.asked() }.store().probe().await.unwrap_err();
    assert!(words(&error).contains("no attribute `objectClas`"), "{error:?}");
}

/// Starts a server that answers each message with these bytes.
async fn liar(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(1..) = stream.read(&mut bytes).await {
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn answers_that_are_no_ldap_are_errors() {
    const LIES: [&[u8]; 7] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x30\x03\x02\x01\x01",
        // A search's entry with a name that is no text, one with nothing in it, and an operation that nobody knows.
        b"\x30\x0a\x02\x01\x01\x64\x05\x04\x01\xff\x30\x00",
        b"\x30\x05\x02\x01\x01\x64\x00",
        b"\x30\x05\x02\x01\x01\x7e\x00",
        // A search that ends without a result.
        b"\x30\x05\x02\x01\x01\x65\x00",
    ];
    for lie in LIES {
        let urls = vec![format!("ldap://127.0.0.1:{}", liar(lie).await)];
        for bind in [None, Asked::default().bind] {
            let limits = Asked { timeout: SHORT, connect_timeout: SHORT, ..Asked::default() };
            let store = Asked { urls: urls.clone(), bind, ..limits }.store();
            assert_eq!(ask(&store, "user-1").await, Err("unavailable"), "{lie:?}");
            assert!(store.probe().await.is_err(), "{lie:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_everybody_gets_his_own_or_an_error() {
    let mut slapd = Slapd::start(&people()).await;
    let store = slapd.asked().store();
    let settings = CacheSettings { ttl: Duration::ZERO, ..CacheSettings::default() };
    let cache = Arc::new(CachedStore::new("staff".into(), store, settings, Handle::current()));
    let round = async |now: u64| {
        let questions = (0..400).map(|number| {
            let (cache, user) = (Arc::clone(&cache), format!("user-{}", number % 40));
            tokio::spawn(async move {
                let answer = cache.attributes(Question::new(&user, at(now)), StalePolicy::Refuse).await;
                let found = answer.map(|answer| values(answer.attributes.as_deref().unwrap())["name"].clone());
                found.map(|name| assert_eq!(name, [text(&user)])).map_err(|error| kind(&error))
            })
        });
        let outcomes: Result<Vec<_>, _> = join_all(questions).await.into_iter().collect();
        outcomes.unwrap()
    };
    assert!(round(0).await.iter().all(Result::is_ok));
    slapd.kill();
    assert!(round(100).await.iter().all(|outcome| *outcome == Err("unavailable")));
    slapd.start_again().await;
    // The breaker lets one question through to see.
    assert!(round(200).await.iter().any(Result::is_ok));
    assert!(round(300).await.iter().all(Result::is_ok));
}
