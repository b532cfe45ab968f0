//! The SQL store over `PostgreSQL` and `MariaDB`: types, mistakes in the configuration, and servers that misbehave.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use claims::{Json, Number};
use futures_util::StreamExt;
use stores::{Change, Dialect, Question, StoreError, Trace, UserStore};

use crate::{
    servers::{
        databases::{Asked, DatabaseServer, PASSWORD},
        process::free_port,
        web::Ca,
    },
    testing::{at, kind, text, values},
};

const BOTH: [Dialect; 2] = [Dialect::Postgres, Dialect::MySql];

fn number(digits: &str) -> Json {
    Json::Number(Number::parse(digits).unwrap())
}

fn plain<'a>(query: &'a str, names: &'a [&'a str]) -> Asked<'a> {
    Asked { query, multi: &[], names, user_column: None, password_column: None, listen: None }
}

async fn ask(store: &dyn UserStore, user: &str) -> Result<Option<Vec<Json>>, &'static str> {
    let found = store.lookup(Question::new(user, at(0))).await;
    found.map(|found| found.map(|found| values(&found)["x"].clone())).map_err(|error| kind(&error))
}

/// Checks what becomes of an expression.
async fn check_type(dialect: Dialect, expression: &str, expected: Result<&[Json], &str>) {
    let server = DatabaseServer::shared(dialect).await;
    let query = format!("SELECT {expression} AS x FROM (SELECT 1 AS one) AS t WHERE :user = 'alice'");
    let found = ask(&*server.store(&plain(&query, &["x"])), "alice").await;
    assert_eq!(found, expected.map(|values| Some(values.to_vec())), "{expression}");
}

#[tokio::test]
async fn postgresql_values_keep_their_types_and_digits() {
    let check = async |expression: &str, expected: Result<&[Json], &str>| {
        check_type(Dialect::Postgres, expression, expected).await;
    };
    check("true", Ok(&[Json::Bool(true)])).await;
    check("1::smallint", Ok(&[number("1")])).await;
    check("-2147483648", Ok(&[number("-2147483648")])).await;
    check("9223372036854775807", Ok(&[number("9223372036854775807")])).await;
    check("0.1::real", Ok(&[number("0.1")])).await;
    check("0.1::float8", Ok(&[number("0.1")])).await;
    check("12345678901234567890.1234567890", Ok(&[number("12345678901234567890.1234567890")])).await;
    check("-0.00500::numeric", Ok(&[number("-0.00500")])).await;
    check("10000000000::numeric", Ok(&[number("10000000000")])).await;
    check("'007'::varchar(5)", Ok(&[text("007")])).await;
    check("'Zoë'::name", Ok(&[text("Zoë")])).await;
    check("''", Ok(&[text("")])).await;
    check("'0b5e1b1e-0c1c-4c3e-9d2b-5a1f6e2d3c4b'::uuid", Ok(&[text("0b5e1b1e-0c1c-4c3e-9d2b-5a1f6e2d3c4b")])).await;
    check(r"'\x00ff10'::bytea", Ok(&[text("AP8Q")])).await;
    check("date '2024-02-29'", Ok(&[text("2024-02-29")])).await;
    check("time '12:30'", Ok(&[text("12:30:00")])).await;
    check("timestamp '2024-02-29 12:30:00.25'", Ok(&[text("2024-02-29T12:30:00.25")])).await;
    check("timestamptz '2024-02-29 12:30:00+02'", Ok(&[text("2024-02-29T10:30:00Z")])).await;
    check("NULL::text", Ok(&[])).await;
}

#[tokio::test]
async fn postgresql_arrays_json_domains_and_enumerations_are_read() {
    let server = DatabaseServer::shared(Dialect::Postgres).await;
    server
        .execute("CREATE TYPE colour AS ENUM ('red', 'blue'); CREATE DOMAIN badge AS text; CREATE EXTENSION citext")
        .await;
    let check = async |expression: &str, expected: Result<&[Json], &str>| {
        check_type(Dialect::Postgres, expression, expected).await;
    };
    check("ARRAY['a', NULL, 'b']", Ok(&[text("a"), text("b")])).await;
    check("ARRAY[]::text[]", Ok(&[])).await;
    check("ARRAY[1, 2]", Ok(&[number("1"), number("2")])).await;
    check("ARRAY[1.10, NULL]", Ok(&[number("1.10")])).await;
    check("ARRAY[date '2024-02-29']", Ok(&[text("2024-02-29")])).await;
    check(r#"'["a", 1.50, null]'::jsonb"#, Ok(&[text("a"), number("1.50")])).await;
    check(r#"'{"a":[1]}'::json"#, Ok(&[Json::parse(br#"{"a":[1]}"#).unwrap()])).await;
    check("'red'::colour", Ok(&[text("red")])).await;
    check("ARRAY['red', 'blue']::colour[]", Ok(&[text("red"), text("blue")])).await;
    check("'7'::badge", Ok(&[text("7")])).await;
    check("'Seven'::citext", Ok(&[text("Seven")])).await;
}

#[tokio::test]
async fn postgresql_values_that_no_claim_can_hold_are_malformed() {
    for expression in [
        "'NaN'::float8",
        "'NaN'::numeric",
        "timestamptz 'infinity'",
        "timestamp '-infinity'",
        "date 'infinity'",
        "time '24:00'",
        "date '20000-01-01'",
        "point '(1,2)'",
        "ARRAY[[1, 2], [3, 4]]",
        "interval '1 day'",
        "repeat('x', 1200000)",
        r#"'{"a":1,"a":2}'::json"#,
    ] {
        check_type(Dialect::Postgres, expression, Err("malformed")).await;
    }
}

#[tokio::test]
async fn mariadb_values_keep_their_types_and_digits() {
    let server = DatabaseServer::shared(Dialect::MySql).await;
    let check = async |declared: &str, value: &str, expected: Result<&[Json], &str>| {
        let table = format!("types_{}", free_port());
        server.execute(&format!("CREATE TABLE {table} (x {declared}); INSERT INTO {table} VALUES ({value})")).await;
        let query = format!("SELECT x FROM {table} WHERE :user = 'alice'");
        let found = ask(&*server.store(&plain(&query, &["x"])), "alice").await;
        assert_eq!(found, expected.map(|values| Some(values.to_vec())), "{value} in {declared}");
    };
    check("BOOLEAN", "TRUE", Ok(&[Json::Bool(true)])).await;
    check("TINYINT", "-7", Ok(&[number("-7")])).await;
    check("BIGINT UNSIGNED", "18446744073709551615", Ok(&[number("18446744073709551615")])).await;
    check("DECIMAL(30, 10)", "12345678901234567890.1234567890", Ok(&[number("12345678901234567890.1234567890")])).await;
    check("FLOAT", "0.1", Ok(&[number("0.1")])).await;
    check("DOUBLE", "0.1", Ok(&[number("0.1")])).await;
    check("VARCHAR(20)", "'Zoë😀'", Ok(&[text("Zoë😀")])).await;
    check("TEXT COLLATE utf8mb4_bin", "'Zoë'", Ok(&[text("Zoë")])).await;
    check("CHAR(3) COLLATE utf8mb4_bin", "'abc'", Ok(&[text("abc")])).await;
    check("SET('a', 'b')", "'a,b'", Ok(&[text("a,b")])).await;
    check("TEXT", "'[1]'", Ok(&[text("[1]")])).await;
    check("ENUM('red', 'blue')", "'red'", Ok(&[text("red")])).await;
    check("VARBINARY(5)", "x'00ff10'", Ok(&[text("AP8Q")])).await;
    check("BLOB", "x'00ff10'", Ok(&[text("AP8Q")])).await;
    check("DATE", "'2024-02-29'", Ok(&[text("2024-02-29")])).await;
    check("DATETIME(3)", "'2024-02-29 12:30:00.250'", Ok(&[text("2024-02-29T12:30:00.25")])).await;
    check("YEAR", "2024", Ok(&[number("2024")])).await;
    check("TEXT", "NULL", Ok(&[])).await;
    check("POINT", "POINT(1, 2)", Err("malformed")).await;
    check("LONGTEXT", "REPEAT('x', 1200000)", Err("malformed")).await;
}

/// `MariaDB` finds `alice` for `ALICE` and for `alice `: only the column says who it is.
#[tokio::test]
async fn a_loose_comparison_never_gives_another_users_attributes() {
    let server = DatabaseServer::shared(Dialect::MySql).await;
    server
        .execute("CREATE TABLE loose (name VARCHAR(100), x TEXT) COLLATE utf8mb4_general_ci; INSERT INTO loose VALUES ('alice', 'hers'), ('José', 'his')")
        .await;
    let asked = Asked { user_column: Some("name"), ..plain("SELECT name, x FROM loose WHERE name = :user", &["x"]) };
    let store = server.store(&asked);
    assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("hers")])));
    assert_eq!(ask(&*store, "José").await, Ok(Some(vec![text("his")])));
    for stranger in ["ALICE", "Alice", "alice ", "Jose", "jos\u{e9}", "Jose\u{301}"] {
        assert_eq!(ask(&*store, stranger).await, Ok(None), "{stranger:?}");
    }
    server.execute("INSERT INTO loose VALUES ('ALICE', 'another')").await;
    assert_eq!(ask(&*store, "alice").await, Err("ambiguous"));
}

#[tokio::test]
async fn queries_that_do_not_fit_are_refused_with_the_servers_words() {
    for dialect in BOTH {
        let server = DatabaseServer::shared(dialect).await;
        server.execute("CREATE TABLE fit (u VARCHAR(50), v TEXT); INSERT INTO fit VALUES ('alice', 'x')").await;
        let check = async |asked: &Asked<'_>, expected: &str| {
            let store = server.store(asked);
            let probed = store.probe().await.unwrap_err();
            assert_eq!(kind(&probed), expected, "{}", asked.query);
            let found = store.lookup(Question::new("alice", at(0))).await;
            assert_eq!(found.as_ref().map_err(kind), Err(expected), "{}", asked.query);
            if let StoreError::Unavailable { source, .. } = &probed {
                source.as_ref().unwrap().to_string()
            } else {
                probed.to_string()
            }
        };
        let query = "SELECT v FROM fit WHERE u = :user";
        assert!(check(&plain(query, &["w"]), "malformed").await.contains("`w`"));
        check(&plain("SELECT v, u AS v FROM fit WHERE u = :user", &["v"]), "malformed").await;
        let twice = Asked { multi: &[("v", query)], ..plain(query, &["v"]) };
        check(&twice, "malformed").await;
        let column = Asked { user_column: Some("name"), ..plain(query, &["v"]) };
        assert!(check(&column, "malformed").await.contains("`name`"));
        let missing = check(&plain("SELECT v FROM missing WHERE u = :user", &["v"]), "unavailable").await;
        assert!(missing.contains("missing"), "{missing}");
        let syntax = check(&plain("SELECT v FROM fit WHERE u = :user AND", &["v"]), "unavailable").await;
        assert!(syntax.contains("syntax"), "{syntax}");
    }
}

#[tokio::test]
async fn a_name_that_the_query_cannot_take_is_not_the_servers_failure() {
    let server = DatabaseServer::shared(Dialect::Postgres).await;
    let store = server.store(&plain("SELECT 'a' AS x WHERE CAST(:user AS bigint) = 7", &["x"]));
    assert_eq!(ask(&*store, "alice").await, Err("malformed"));
    assert_eq!(ask(&*store, "7").await, Ok(Some(vec![text("a")])));
}

#[tokio::test]
async fn nothing_can_be_written() {
    for (dialect, writing) in [
        (Dialect::Postgres, "WITH x AS (INSERT INTO kept VALUES (:user) RETURNING u) SELECT u AS x FROM x"),
        (Dialect::MySql, "SELECT NEXTVAL(counter) AS x FROM (SELECT 1) AS t WHERE :user = 'alice'"),
    ] {
        let server = DatabaseServer::shared(dialect).await;
        server.execute("CREATE TABLE kept (u VARCHAR(50)); CREATE SEQUENCE counter").await;
        assert_eq!(ask(&*server.store(&plain(writing, &["x"])), "alice").await, Err("unavailable"), "{writing}");
        let reading = plain("SELECT u AS x FROM kept WHERE u = :user", &["x"]);
        assert_eq!(ask(&*server.store(&reading), "alice").await, Ok(None));
    }
}

#[tokio::test]
async fn a_changed_schema_is_seen_at_once() {
    for dialect in BOTH {
        let server = DatabaseServer::shared(dialect).await;
        server.execute("CREATE TABLE moving (u VARCHAR(50), x TEXT); INSERT INTO moving VALUES ('alice', '1')").await;
        let store = server.store(&plain("SELECT * FROM moving WHERE u = :user", &["x"]));
        assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("1")])));
        server
            .execute("ALTER TABLE moving DROP COLUMN x; ALTER TABLE moving ADD COLUMN z INT; ALTER TABLE moving ADD COLUMN x TEXT; UPDATE moving SET z = 7, x = '2'")
            .await;
        assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("2")])), "{dialect:?}");
        server.execute("ALTER TABLE moving DROP COLUMN x").await;
        assert_eq!(ask(&*store, "alice").await, Err("malformed"), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_look_up_can_be_followed() {
    let server = DatabaseServer::shared(Dialect::Postgres).await;
    let query = "SELECT 'a' AS x, 1 AS unmapped WHERE :user = 'alice'";
    let store = server.store(&plain(query, &["x"]));
    let trace = Trace::default();
    store.lookup(Question { trace: Some(&trace), ..Question::new("alice", at(0)) }).await.unwrap();
    let traced = trace.traced();
    assert_eq!((traced.asked, traced.matches), (vec![query.into()], Some(1)));
    assert_eq!(traced.returned, BTreeSet::from(["x".into(), "unmapped".into()]));
}

/// A table of one user on a server of one's own.
async fn own_server(dialect: Dialect) -> (DatabaseServer, Arc<dyn UserStore>) {
    let server = DatabaseServer::start(dialect).await;
    server.execute("CREATE TABLE t (u VARCHAR(50), x TEXT); INSERT INTO t VALUES ('alice', '1')").await;
    let store = server.store(&ALICE);
    assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("1")])));
    (server, store)
}

const ALICE: Asked<'_> = Asked {
    query: "SELECT x FROM t WHERE u = :user",
    multi: &[],
    names: &["x"],
    user_column: None,
    password_column: None,
    listen: None,
};

#[tokio::test]
async fn a_server_that_was_killed_is_asked_again_when_it_is_back() {
    for dialect in BOTH {
        let (mut server, store) = own_server(dialect).await;
        server.kill();
        // The process that serves an open connection lives a moment longer.
        while ask(&*store, "alice").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ask(&*store, "alice").await, Err("unavailable"));
        server.start_again().await;
        assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("1")])), "{dialect:?}");
        // A connection that died unseen is not the caller's business.
        server.kill();
        server.start_again().await;
        assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("1")])), "{dialect:?}");
    }
}

#[tokio::test]
async fn another_replica_answers_while_one_is_down() {
    for dialect in BOTH {
        let (server, _) = own_server(dialect).await;
        let dead = server.url().replace(&server.port.to_string(), &free_port().to_string());
        let store = server.store_at(&[&dead, &server.url(), &dead], &ALICE, PASSWORD, Some(server.ca.pem()));
        for user in ["alice", "bob", "carol", "dave"] {
            let expected = (user == "alice").then(|| vec![text("1")]);
            assert_eq!(ask(&*store, user).await, Ok(expected), "{dialect:?}");
        }
        assert_eq!(store.probe().await.as_ref().map_err(kind), Err("unavailable"));
    }
}

#[tokio::test]
async fn who_the_server_is_and_who_we_are_must_be_right() {
    for dialect in BOTH {
        let (server, _) = own_server(dialect).await;
        let url = server.url();
        let check = async |url: &str, password: &str, ca: Option<Vec<u8>>| {
            ask(&*server.store_at(&[url], &ALICE, password, ca), "alice").await
        };
        let ca = Some(server.ca.pem());
        assert_eq!(check(&url, "wrong", ca.clone()).await, Err("unavailable"));
        assert_eq!(check(&url, PASSWORD, None).await, Err("unavailable"));
        assert_eq!(check(&url, PASSWORD, Some(Ca::new().pem())).await, Err("unavailable"));
        // The certificate is for 127.0.0.1.
        assert_eq!(check(&url.replace("127.0.0.1", "localhost"), PASSWORD, ca).await, Err("unavailable"));
        assert_eq!(check(&server.socket_url(), PASSWORD, None).await, Ok(Some(vec![text("1")])));
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    for dialect in BOTH {
        let server = DatabaseServer::start_with(dialect, Ca::of_the_past(), false).await;
        let store = server.store(&plain("SELECT 'a' AS x WHERE :user = 'alice'", &["x"]));
        assert_eq!(ask(&*store, "alice").await, Err("unavailable"), "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_queries_are_given_up_and_leave_the_pool_usable() {
    for (dialect, query) in [
        (Dialect::Postgres, "SELECT 'a' AS x FROM (SELECT 1) AS t WHERE :user = 'alice' OR pg_sleep(60) IS NULL"),
        (Dialect::MySql, "SELECT 'a' AS x FROM (SELECT 1) AS t WHERE :user = 'alice' OR SLEEP(60) = 7"),
    ] {
        let server = DatabaseServer::shared(dialect).await;
        let store = server.store(&plain(query, &["x"]));
        let slow = futures_util::future::join_all((0..6).map(|_| ask(&*store, "slow"))).await;
        assert!(slow.iter().all(|found| *found == Err("unavailable")), "{slow:?}");
        assert_eq!(ask(&*store, "alice").await, Ok(Some(vec![text("a")])), "{dialect:?}");
    }
}

#[tokio::test]
async fn all_queries_see_one_state() {
    for dialect in BOTH {
        let server = DatabaseServer::shared(dialect).await;
        server
            .execute("CREATE TABLE one_state (u VARCHAR(50), n INT); INSERT INTO one_state VALUES ('alice', 0)")
            .await;
        let store = server.store(&Asked {
            multi: &[("y", "SELECT n FROM one_state WHERE u = :user")],
            ..plain("SELECT n AS x FROM one_state WHERE u = :user", &["x", "y"])
        });
        let writing = async {
            for _ in 0..50 {
                server.execute("UPDATE one_state SET n = n + 1").await;
            }
        };
        let reading = async {
            for _ in 0..100 {
                let found = values(&store.lookup(Question::new("alice", at(0))).await.unwrap().unwrap());
                assert_eq!(found["x"], found["y"], "{dialect:?}");
            }
        };
        tokio::join!(writing, reading);
    }
}

#[tokio::test]
async fn announced_changes_are_heard_also_after_the_server_was_away() {
    let (mut server, _) = own_server(Dialect::Postgres).await;
    let store = server.store(&Asked { listen: Some("Staff changed"), ..ALICE });
    let mut changes = store.changes().unwrap();
    assert_eq!(changes.next().await, Some(Change::All));
    server
        .execute("NOTIFY \"Staff changed\", 'alice'; NOTIFY \"Staff changed\", 'o''brien'; NOTIFY \"Staff changed\"")
        .await;
    for expected in [Change::User("alice".into()), Change::User("o'brien".into()), Change::All] {
        assert_eq!(changes.next().await, Some(expected));
    }
    server.kill();
    let (next, ()) = tokio::join!(changes.next(), server.start_again());
    assert_eq!(next, Some(Change::All), "what was announced meanwhile is unknown");
    server.execute("NOTIFY \"Staff changed\", 'bob'").await;
    assert_eq!(changes.next().await, Some(Change::User("bob".into())));
}
