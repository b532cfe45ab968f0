//! Passwords, checked by every kind of store that can: the right one alone, for the one user that it is of.

use std::{sync::Arc, time::Duration};

use stores::{
    AttributeMap, CacheSettings, CachedStore, ConnectionSettings, Dialect, InlinePasswords, InlineStore, InlineUsers,
    MappedAttribute, Password, PasswordHash, PasswordVerdict, Query, Question, Questions, SqlSettings, SqlSource,
    SqlStore, UserMatch, UserStore,
};
use tokio::runtime::Handle;

use crate::{
    servers::{
        databases::{Asked as Selected, DatabaseServer},
        samba::Samba,
        slapd::{Asked, Ldif, PEOPLE, Slapd},
    },
    testing::{Database, at, kind, values},
};

/// `alice: wonderland`, and `José: contraseña 🔒`, whose password needs more than ASCII.
const ALICE: (&str, &str) = ("alice", "wonderland");
const JOSE: (&str, &str) = ("José", "contraseña: 🔒");
const ALICES_HASH: &str = "$2b$04$tNhulhr2VwiiSpVPXt425eTZqR97ZCZmVSWj2GEbW8kh.5OmKoK42";
const JOSES_HASH: &str =
    "$argon2id$v=19$m=64,t=1,p=1$QnnkO8LBysDcJ1ROWO0WXg$4+0YYD2GdctS0NgMCd880bQsqHSAob+Alc1uphUJnZQ";

/// What the store says; `Err`: which kind of error.
async fn ask(store: &dyn UserStore, user: &str, password: &str) -> Result<PasswordVerdict, &'static str> {
    let password = Password::new(password).unwrap();
    let store = store.passwords().unwrap();
    store.check_password(Question::new(user, at(0)), &password).await.map_err(|error| kind(&error))
}

/// Checks a store of alice and José, with their passwords, and of `bare`, who has none.
async fn check(store: &dyn UserStore) {
    for ((user, right), (_, others)) in [(ALICE, JOSE), (JOSE, ALICE)] {
        assert_eq!(ask(store, user, right).await, Ok(PasswordVerdict::Right), "{user}");
        let half: String = right.chars().skip(1).collect();
        for wrong in [others, &right.to_uppercase(), &half, &format!("{right} "), &format!("{right}\0"), "*", " "] {
            assert_eq!(ask(store, user, wrong).await, Ok(PasswordVerdict::Wrong), "{user} {wrong:?}");
        }
    }
    assert_eq!(ask(store, "bare", ALICE.1).await, Ok(PasswordVerdict::Wrong));
    for nobody in ["nobody", "ALICE", "alice ", "*", "a*", "", "alice\0", "*)(uid=alice", "' OR '1'='1", "cn=alice"] {
        for password in [ALICE.1, "nobody"] {
            assert_eq!(ask(store, nobody, password).await, Ok(PasswordVerdict::UnknownUser), "{nobody:?}");
        }
    }
    assert_eq!(ask(store, ALICE.0, ALICE.1).await, Ok(PasswordVerdict::Right));
}

fn hashes() -> InlinePasswords {
    [(ALICE.0, ALICES_HASH), (JOSE.0, JOSES_HASH)]
        .map(|(user, hash)| (user.into(), PasswordHash::parse(hash).unwrap()))
        .into()
}

#[tokio::test]
async fn inline_store_checks_passwords() {
    let users: InlineUsers = ["alice", "José", "bare"].map(|user| (user.into(), [].into())).into();
    let without = InlineStore::new("staff".into(), users.clone(), None);
    assert!(without.passwords().is_none());
    check(&InlineStore::new("staff".into(), users, None).with_passwords(hashes())).await;
}

/// A table of three people.
fn table(dialect: Dialect) -> String {
    let text = match dialect {
        Dialect::MySql => "VARCHAR(200) CHARACTER SET utf8mb4",
        Dialect::Sqlite | Dialect::Postgres => "TEXT",
    };
    format!(
        "CREATE TABLE keyed (name {text}, secret {text});
         INSERT INTO keyed VALUES ('alice', '{ALICES_HASH}'), ('José', '{JOSES_HASH}'), ('bare', NULL),
            ('locked', '!{ALICES_HASH}'), ('plain', 'wonderland'), ('twice', '{ALICES_HASH}'), ('twice', '{JOSES_HASH}');"
    )
}

const SELECT: &str = "SELECT name, secret FROM keyed WHERE name = :user";

async fn check_table(store: &dyn UserStore) {
    check(store).await;
    assert_eq!(ask(store, "locked", ALICE.1).await, Ok(PasswordVerdict::Wrong));
    assert_eq!(ask(store, "plain", "wonderland").await, Err("malformed"));
    assert_eq!(ask(store, "twice", ALICE.1).await, Err("ambiguous"));
    let found = store.lookup(Question::new("alice", at(0))).await.unwrap().unwrap();
    assert_eq!(values(&found).into_keys().collect::<Vec<_>>(), ["name"], "the hash stays in the store");
}

#[tokio::test]
async fn sqlite_store_checks_passwords() {
    let database = Database::new(&table(Dialect::Sqlite)).await;
    let store = |password_column: Option<&str>| {
        let settings = SqlSettings {
            source: SqlSource::Sqlite(database.path()),
            questions: Questions {
                query: Query::parse(SELECT, Dialect::Sqlite).unwrap(),
                multi: [].into(),
                user_column: None,
                password_column: password_column.map(Box::from),
            },
            attributes: AttributeMap::new(vec![MappedAttribute::new("name", "name")]).unwrap(),
            connection: ConnectionSettings { timeout: Duration::from_secs(5), ..ConnectionSettings::default() },
            listen: None,
        };
        SqlStore::new("staff".into(), settings)
    };
    check_table(&store(Some("secret"))).await;
    assert!(store(None).passwords().is_none());
    assert_eq!(store(Some("other")).probe().await.map_err(|error| kind(&error)), Err("malformed"));
}

async fn check_server(dialect: Dialect) {
    let server = DatabaseServer::shared(dialect).await;
    server.execute(&table(dialect)).await;
    let asked = Selected {
        query: SELECT,
        multi: &[],
        names: &["name"],
        user_column: Some("name"),
        password_column: Some("secret"),
        listen: None,
    };
    check_table(&*server.store(&asked)).await;
}

#[tokio::test]
async fn postgresql_store_checks_passwords() {
    check_server(Dialect::Postgres).await;
}

#[tokio::test]
async fn mariadb_store_checks_passwords() {
    check_server(Dialect::MySql).await;
}

fn people() -> Ldif {
    let mut ldif = Ldif::default();
    for (number, (user, password)) in [ALICE, JOSE].iter().enumerate() {
        ldif.person(
            &format!("employeeNumber={number},{PEOPLE}"),
            user,
            &[("employeeNumber", &number.to_string()), ("userPassword", password)],
        );
    }
    ldif.person(&format!("employeeNumber=7,{PEOPLE}"), "bare", &[("employeeNumber", "7")]);
    for number in ["8", "9"] {
        let dn = format!("employeeNumber={number},{PEOPLE}");
        ldif.person(&dn, "twice", &[("employeeNumber", number), ("userPassword", ALICE.1)]);
    }
    ldif
}

#[tokio::test]
async fn ldap_store_checks_passwords_by_a_bind_of_its_own() {
    let mut slapd = Slapd::start(&people()).await;
    let store = slapd.asked().store();
    check(&*store).await;
    assert_eq!(ask(&*store, "twice", ALICE.1).await, Err("ambiguous"));
    // The gateway's own connections are still its own: users may not read the directory.
    assert!(store.lookup(Question::new("alice", at(0))).await.unwrap().is_some());
    // A password that has changed counts at once.
    slapd.modify(&format!(
        "dn: employeeNumber=0,{PEOPLE}\nchangetype: modify\nreplace: userPassword\nuserPassword: looking-glass\n"
    ));
    assert_eq!(ask(&*store, "alice", ALICE.1).await, Ok(PasswordVerdict::Wrong));
    assert_eq!(ask(&*store, "alice", "looking-glass").await, Ok(PasswordVerdict::Right));
    // A dead first server is passed over.
    let others = Asked { urls: vec!["ldaps://127.0.0.1:1".to_owned(), slapd.ldaps_url()], ..slapd.asked() };
    assert_eq!(ask(&*others.store(), "alice", "looking-glass").await, Ok(PasswordVerdict::Right));
    slapd.kill();
    assert_eq!(ask(&*store, "alice", "looking-glass").await, Err("unavailable"));
    slapd.start_again().await;
    assert_eq!(ask(&*store, "alice", "looking-glass").await, Ok(PasswordVerdict::Right));
}

#[tokio::test]
async fn active_directory_checks_passwords() {
    let samba = Samba::shared().await;
    let quoted =
        |password: &str| -> Vec<u8> { format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let unit = samba.add("passwords", |unit, ldif| {
        for (name, control) in [("pat", "512"), ("gone", "514")] {
            let password = quoted("Wonder-Land 1ñ");
            let attributes: [(&str, &[u8]); 4] = [
                ("objectClass", b"user"),
                ("sAMAccountName", name.as_bytes()),
                ("userAccountControl", control.as_bytes()),
                ("unicodePwd", &password),
            ];
            ldif.entry(&format!("cn={name},{unit}"), &attributes);
        }
    });
    let store = samba.asked(&unit).store();
    assert_eq!(ask(&*store, "pat", "Wonder-Land 1ñ").await, Ok(PasswordVerdict::Right));
    assert_eq!(ask(&*store, "pat", "Wonder-Land 1n").await, Ok(PasswordVerdict::Wrong));
    assert_eq!(ask(&*store, "gone", "Wonder-Land 1ñ").await, Ok(PasswordVerdict::Wrong), "a disabled account");
    assert_eq!(ask(&*store, "PAT", "Wonder-Land 1ñ").await, Ok(PasswordVerdict::UnknownUser));
    let loose = Asked { user_match: UserMatch::Store, ..samba.asked(&unit) }.store();
    assert_eq!(ask(&*loose, "PAT", "Wonder-Land 1ñ").await, Ok(PasswordVerdict::Right));
    assert_eq!(ask(&*store, "nobody", "Wonder-Land 1ñ").await, Ok(PasswordVerdict::UnknownUser));
}

#[tokio::test]
async fn the_breaker_is_the_look_ups_own() {
    let mut slapd = Slapd::start(&people()).await;
    let asked = slapd.asked().store();
    let cached = Arc::new(CachedStore::new("staff".into(), asked, CacheSettings::default(), Handle::current()));
    let password = Password::new(ALICE.1).unwrap();
    assert!(cached.checks_passwords());
    let verdict = cached.check_password("alice", &password, at(0)).await;
    assert_eq!(verdict.map_err(|error| kind(&error)), Ok(PasswordVerdict::Right));
    slapd.kill();
    for _ in 0..5 {
        assert!(cached.check_password("alice", &password, at(1)).await.is_err());
    }
    slapd.start_again().await;
    let refused = cached.check_password("alice", &password, at(2)).await.unwrap_err().with_causes();
    assert!(refused.contains("not asked"), "{refused}");
    let verdict = cached.check_password("alice", &password, at(10)).await;
    assert_eq!(verdict.map_err(|error| kind(&error)), Ok(PasswordVerdict::Right));
}

#[test]
fn an_empty_password_is_none() {
    assert!(Password::new("").is_none());
    assert_eq!(format!("{:?}", Password::new("wonderland").unwrap()), "Password(…)");
}
