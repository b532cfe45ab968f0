//! The SQL store over `SQLite`: types, mistakes in the configuration, and a file that changes, locks, or is not there.

use std::{path::Path, time::Instant};

use claims::{Json, Number};
use stores::{Question, UserStore};

use crate::testing::{Database, at, kind, text, values};

fn number(digits: &str) -> Json {
    Json::Number(Number::parse(digits).unwrap())
}

/// Checks what becomes of `value` in a column `x` that is declared as `declared`.
async fn check_type(declared: &str, value: &str, expected: Result<&[Json], &str>) {
    let database = Database::new(&format!("CREATE TABLE t (x {declared}); INSERT INTO t VALUES ({value});")).await;
    let store = database.store("SELECT x FROM t WHERE :user = 'alice'", &["x"]);
    let found = store.lookup(Question::new("alice", at(0))).await.map(|found| values(&found.unwrap())["x"].clone());
    assert_eq!(found.as_deref().map_err(kind), expected, "{value} in {declared}");
}

#[tokio::test]
async fn values_keep_their_types_and_digits() {
    check_type("INTEGER", "9223372036854775807", Ok(&[number("9223372036854775807")])).await;
    check_type("INTEGER", "-1", Ok(&[number("-1")])).await;
    check_type("TEXT", "'007'", Ok(&[text("007")])).await;
    check_type("TEXT", "''", Ok(&[text("")])).await;
    check_type("TEXT", "'a' || char(0) || 'b'", Ok(&[text("a\0b")])).await;
    check_type("REAL", "0.1", Ok(&[number("0.1")])).await;
    check_type("REAL", "3", Ok(&[number("3.0")])).await;
    check_type("REAL", "0.1234567890123456", Ok(&[number("0.1234567890123456")])).await;
    check_type("REAL", "1e300", Ok(&[number("1e300")])).await;
    check_type("DECIMAL(10, 2)", "12.34", Ok(&[number("12.34")])).await;
    check_type("DATE", "'2024-02-29'", Ok(&[text("2024-02-29")])).await;
    check_type("BLOB", "x'00ff10'", Ok(&[text("AP8Q")])).await;
    check_type("", "NULL", Ok(&[])).await;
}

#[tokio::test]
async fn booleans_and_json_are_told_by_the_declared_type() {
    check_type("BOOLEAN", "1", Ok(&[Json::Bool(true)])).await;
    check_type("boolean", "FALSE", Ok(&[Json::Bool(false)])).await;
    check_type("BOOL", "'true'", Ok(&[Json::Bool(true)])).await;
    check_type("INTEGER", "TRUE", Ok(&[number("1")])).await;
    check_type("JSON", r#"'["a", 1.50, null]'"#, Ok(&[text("a"), number("1.50")])).await;
    check_type("JSON", r#"'{"a":[1]}'"#, Ok(&[Json::parse(br#"{"a":[1]}"#).unwrap()])).await;
    check_type("JSON", "'[]'", Ok(&[])).await;
    check_type("TEXT", "'[1]'", Ok(&[text("[1]")])).await;
}

#[tokio::test]
async fn values_that_no_claim_can_hold_are_malformed() {
    check_type("REAL", "9e999", Err("malformed")).await;
    check_type("BOOLEAN", "2", Err("malformed")).await;
    check_type("BOOLEAN", "'yes'", Err("malformed")).await;
    check_type("JSON", "'[1'", Err("malformed")).await;
    check_type("JSON", r#"'{"a":1,"a":2}'"#, Err("malformed")).await;
    check_type("TEXT", "CAST(x'ff' AS TEXT)", Err("malformed")).await;
    check_type("TEXT", "hex(zeroblob(600000))", Err("malformed")).await;
}

#[tokio::test]
async fn declared_types_are_found_through_views_and_in_multi_queries() {
    let database = Database::new(
        "CREATE TABLE t (u TEXT, is_active BOOLEAN); INSERT INTO t VALUES ('alice', 1), ('alice', 0);
         CREATE VIEW v AS SELECT u AS name, is_active AS flag FROM t;",
    )
    .await;
    let query = "SELECT flag FROM v WHERE name = :user AND flag";
    let multi = [("all", "SELECT is_active FROM t WHERE u = :user ORDER BY rowid")];
    let store = database.store_with_multi(query, &multi, &["flag", "all"]);
    let found = values(&store.lookup(Question::new("alice", at(0))).await.unwrap().unwrap());
    assert_eq!(found["flag"], [Json::Bool(true)]);
    assert_eq!(found["all"], [Json::Bool(true), Json::Bool(false)]);
}

#[tokio::test]
async fn two_rows_are_ambiguous() {
    let database =
        Database::new("CREATE TABLE t (u TEXT COLLATE NOCASE); INSERT INTO t VALUES ('bob'), ('Bob');").await;
    let store = database.store("SELECT u FROM t WHERE u = :user", &["u"]);
    assert_eq!(store.lookup(Question::new("bob", at(0))).await.as_ref().map_err(kind), Err("ambiguous"));
}

/// Checks that both probe and look-up refuse a store that does not fit the table `t (u, v)`.
async fn check_misfit(query: &str, multi: &[(&str, &str)], names: &[&str], expected: &str) {
    let database = Database::new("CREATE TABLE t (u TEXT, v TEXT); INSERT INTO t VALUES ('alice', 'x');").await;
    let store = database.store_with_multi(query, multi, names);
    assert_eq!(store.probe().await.as_ref().map_err(kind), Err(expected), "{query}");
    assert_eq!(store.lookup(Question::new("alice", at(0))).await.as_ref().map_err(kind), Err(expected), "{query}");
}

#[tokio::test]
async fn queries_that_do_not_fit_are_refused() {
    let query = "SELECT v FROM t WHERE u = :user";
    check_misfit(query, &[], &["w"], "malformed").await;
    check_misfit("SELECT v, u AS v FROM t WHERE u = :user", &[], &["v"], "malformed").await;
    check_misfit(query, &[("v", query)], &["v"], "malformed").await;
    check_misfit(query, &[("w", "SELECT u, v FROM t WHERE u = :user")], &["w"], "malformed").await;
    check_misfit("SELECT v FROM missing WHERE u = :user", &[], &["v"], "unavailable").await;
    check_misfit("SELECT v FROM t WHERE u = :user AND", &[], &["v"], "unavailable").await;
}

#[tokio::test]
async fn nothing_can_be_written() {
    let database = Database::new("CREATE TABLE t (u TEXT); INSERT INTO t VALUES ('alice');").await;
    let writing = "WITH x AS (SELECT :user AS u) INSERT INTO t SELECT u FROM x RETURNING u";
    let store = database.store(writing, &["u"]);
    assert_eq!(store.lookup(Question::new("mallory", at(0))).await.as_ref().map_err(kind), Err("unavailable"));
    let store = database.store("SELECT u FROM t WHERE u = :user", &["u"]);
    assert_eq!(store.lookup(Question::new("mallory", at(0))).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_file_is_unavailable_and_not_created() {
    let database = Database::missing();
    let store = database.store("SELECT u FROM t WHERE u = :user", &["u"]);
    assert_eq!(store.lookup(Question::new("alice", at(0))).await.as_ref().map_err(kind), Err("unavailable"));
    assert!(!database.path().exists());
    database.execute("CREATE TABLE t (u TEXT); INSERT INTO t VALUES ('alice');").await;
    assert!(store.lookup(Question::new("alice", at(0))).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_unavailable() {
    let database = Database::missing();
    std::fs::write(database.path(), "not a database, and long enough to have a header to be looked at ".repeat(9))
        .unwrap();
    let store = database.store("SELECT u FROM t WHERE u = :user", &["u"]);
    assert_eq!(store.lookup(Question::new("alice", at(0))).await.as_ref().map_err(kind), Err("unavailable"));
}

async fn email(store: &dyn UserStore) -> Json {
    values(&store.lookup(Question::new("alice", at(0))).await.unwrap().unwrap())["email"][0].clone()
}

fn file_with(email: &str) -> String {
    format!("CREATE TABLE t (u TEXT, email TEXT); INSERT INTO t VALUES ('alice', '{email}');")
}

#[tokio::test]
async fn changes_of_row_schema_and_file_are_seen_at_once() {
    let database = Database::new(&file_with("1@example.com")).await;
    let store = database.store("SELECT * FROM t WHERE u = :user", &["email"]);
    assert_eq!(email(&*store).await, text("1@example.com"));
    database.execute("UPDATE t SET email = '2@example.com'").await;
    assert_eq!(email(&*store).await, text("2@example.com"));
    database.execute("ALTER TABLE t DROP COLUMN email; ALTER TABLE t ADD COLUMN z TEXT; ALTER TABLE t ADD COLUMN email TEXT; UPDATE t SET z = 'z', email = '3@example.com'").await;
    assert_eq!(email(&*store).await, text("3@example.com"));
    database.replace(&file_with("4@example.com")).await;
    assert_eq!(email(&*store).await, text("4@example.com"));
    std::fs::remove_file(database.path()).unwrap();
    assert_eq!(store.lookup(Question::new("alice", at(0))).await.as_ref().map_err(kind), Err("unavailable"));
}

#[tokio::test]
async fn a_writer_in_wal_mode_does_not_disturb() {
    let database = Database::new(&format!("PRAGMA journal_mode = WAL; {}", file_with("1@example.com"))).await;
    let store = database.store("SELECT email FROM t WHERE u = :user", &["email"]);
    let mut writer = database.open().await;
    sqlx::raw_sql("BEGIN IMMEDIATE; UPDATE t SET email = '2@example.com'").execute(&mut writer).await.unwrap();
    assert_eq!(email(&*store).await, text("1@example.com"));
    sqlx::raw_sql("COMMIT").execute(&mut writer).await.unwrap();
    assert_eq!(email(&*store).await, text("2@example.com"));
}

#[tokio::test]
async fn a_locked_file_is_unavailable_in_time() {
    let database = Database::new(&file_with("1@example.com")).await;
    let store = database.store("SELECT email FROM t WHERE u = :user", &["email"]);
    let mut writer = database.open().await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut writer).await.unwrap();
    let start = Instant::now();
    assert_eq!(store.lookup(Question::new("alice", at(0))).await.as_ref().map_err(kind), Err("unavailable"));
    assert!(start.elapsed().as_secs() < 5);
    sqlx::raw_sql("ROLLBACK").execute(&mut writer).await.unwrap();
    assert_eq!(email(&*store).await, text("1@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_queries_are_given_up_and_leave_the_pool_usable() {
    let database = Database::new("CREATE TABLE t (u TEXT); INSERT INTO t VALUES ('alice'), ('slow');").await;
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE :user = 'slow')
                   SELECT u FROM t WHERE u = :user AND (SELECT count(*) FROM n) > 0";
    let store = database.store(endless, &["u"]);
    let start = Instant::now();
    let slow = futures_util::future::join_all((0..12).map(|_| store.lookup(Question::new("slow", at(0))))).await;
    assert!(slow.iter().all(|found| found.as_ref().is_err_and(|error| kind(error) == "unavailable")));
    assert!(start.elapsed().as_secs() < 10);
    assert!(store.lookup(Question::new("alice", at(0))).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_look_ups_share_a_few_connections() {
    let database = Database::new(&file_with("1@example.com")).await;
    let store = database.store("SELECT email FROM t WHERE u = :user", &["email"]);
    let found = futures_util::future::join_all((0..200).map(|_| email(&*store))).await;
    assert!(found.iter().all(|found| *found == text("1@example.com")));
}

#[test]
fn a_store_can_be_made_without_a_runtime() {
    let database = Database::missing();
    let store = database.store("SELECT u FROM t WHERE u = :user", &["u"]);
    assert_eq!((store.gives().len(), database.path().parent().is_some_and(Path::is_dir)), (1, true));
}
