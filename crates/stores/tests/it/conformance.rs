//! What every kind of user store must do alike: the same people, the same attributes, nobody else's.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use claims::{Json, Number, Object, Source};
use sqlx::Connection;
use stores::{
    CacheSettings, CachedStore, Dialect, InlineStore, InlineUsers, Question, StalePolicy, StoreError, UserStore,
};
use tokio::runtime::Handle;

use crate::{
    servers::{
        databases::{Asked, DatabaseServer},
        openid, people as callout,
        samba::Samba,
        scim,
        slapd::{self, Ldif, PEOPLE, Slapd},
    },
    testing::{Database, Values, at, text, values},
};

/// One person as every store has him.
struct Person {
    user: String,
    email: Option<&'static str>,
    employee_number: Option<i64>,
    groups: &'static [&'static str],
}

/// Names that are somebody's, chosen so that a store which compares loosely or splices mixes them up.
const NAMES: [&str; 33] = [
    "alice",
    "Alice",
    "alice ",
    " alice",
    "alice\t",
    "bob",
    "o'brien",
    "x' OR '1'='1",
    "'; DROP TABLE people; --",
    "\"; DROP TABLE people; --",
    ":user",
    "?1",
    "a\\b",
    "a\\",
    "%",
    "_",
    "*",
    "ali*",
    "*)(uid=*))(|(uid=*",
    "CN=alice,OU=x",
    "cn=alice+uid=7",
    "\\2a",
    "0",
    "1",
    "01",
    "null",
    "José",
    "Jose\u{301}",
    "😀",
    "аlice",
    "\u{202e}ecila",
    "attacker@evil.com@company.com",
    "partner/alice",
];

/// Names that are nobody's.
const STRANGERS: [&str; 16] = [
    "",
    "carol",
    "ALICE",
    "alice  ",
    "alice'",
    "alice\0",
    "\0",
    "alice\0' OR 1",
    "x' OR '1'='1' --",
    "1.0",
    "1 ",
    "+1",
    "a",
    "ali%",
    "*)(uid=alice",
    "jose",
];

fn people() -> Vec<Person> {
    let long = "long name ".repeat(103);
    let names = NAMES.iter().map(|name| (*name).to_owned()).chain([long]);
    let person = |(number, user): (usize, String)| Person {
        user,
        email: ["a@example.com", "b@example.com", "\"quoted\"@exämple.com"].get(number % 4).copied(),
        employee_number: (number % 5 > 0).then(|| i64::MAX - i64::try_from(number).unwrap()),
        groups: [&[] as &[&str], &["staff"], &["staff", "admins", "ops"]][number % 3],
    };
    names.enumerate().map(person).collect()
}

/// How a kind of store may differ from the others.
#[derive(Clone, Copy, Default)]
struct Kind<'a> {
    types: Types,
    /// Names that its server cannot tell apart: they are refused, and never mixed up.
    twins: &'a [&'a str],
}

/// What a kind of store knows of types.
#[derive(Clone, Copy, Default)]
enum Types {
    /// A number is a number.
    #[default]
    Typed,
    /// Everything is text: LDAP.
    Text,
}

impl Person {
    /// Returns what a store must say of him.
    fn expected(&self, types: Types) -> Values {
        let number = self.employee_number.map(|number| match types {
            Types::Typed => Json::Number(Number::from(number)),
            Types::Text => text(&number.to_string()),
        });
        BTreeMap::from([
            ("email".to_owned(), self.email.map(text).into_iter().collect()),
            ("employee_number".to_owned(), number.into_iter().collect()),
            ("groups".to_owned(), self.groups.iter().map(|group| text(group)).collect()),
            ("name".to_owned(), vec![text(&self.user)]),
        ])
    }
}

/// The conformance suite: `store` has exactly [`people`] and is called `staff`.
async fn check(store: Arc<dyn UserStore>) {
    check_kind(store, Kind::default()).await;
}

/// The same for a store whose server cannot tell some names apart: those are refused.
async fn check_but(store: Arc<dyn UserStore>, twins: &[&str]) {
    check_kind(store, Kind { twins, ..Kind::default() }).await;
}

async fn check_kind(store: Arc<dyn UserStore>, kind: Kind<'_>) {
    store.probe().await.unwrap();
    assert_eq!(
        store.gives().iter().map(|name| &**name).collect::<Vec<_>>(),
        ["email", "employee_number", "groups", "name"]
    );
    for twin in kind.twins {
        let refused = store.lookup(Question::new(twin, at(7))).await;
        assert!(matches!(refused, Err(StoreError::Ambiguous { .. })), "{twin:?}");
    }
    let people = || people().into_iter().filter(|person| !kind.twins.contains(&&*person.user));
    for person in people() {
        let attributes = store.lookup(Question::new(&person.user, at(7))).await;
        let attributes = attributes.unwrap_or_else(|error| panic!("{:?}: {error}", person.user));
        let attributes = attributes.unwrap_or_else(|| panic!("{:?} is unknown", person.user));
        assert_eq!(values(&attributes), person.expected(kind.types), "{:?}", person.user);
        for (_, attribute) in attributes.iter() {
            assert_eq!((&attribute.source, attribute.as_of), (&Source::Store("staff".into()), 1_800_000_007));
        }
    }
    for stranger in STRANGERS {
        assert_eq!(store.lookup(Question::new(stranger, at(7))).await.unwrap(), None, "{stranger:?}");
    }
    check_behind_cache(store, &people().collect::<Vec<_>>(), kind.types).await;
}

/// The same once more through the cache, cold and warm.
async fn check_behind_cache(store: Arc<dyn UserStore>, people: &[Person], types: Types) {
    let cache = Arc::new(CachedStore::new("staff".into(), store, CacheSettings::default(), Handle::current()));
    for _ in ["cold", "warm"] {
        for person in people {
            let answer = cache.attributes(Question::new(&person.user, at(7)), StalePolicy::Refuse).await.unwrap();
            assert_eq!(answer.attributes.as_deref().map(values), Some(person.expected(types)), "{:?}", person.user);
        }
        for stranger in STRANGERS {
            let answer = cache.attributes(Question::new(stranger, at(7)), StalePolicy::Refuse).await.unwrap();
            assert_eq!(answer.attributes, None, "{stranger:?}");
        }
    }
    let asked = (people.len() + STRANGERS.len()) as u64;
    assert_eq!((cache.counters().misses, cache.counters().hits), (asked, asked));
}

#[tokio::test]
async fn inline_store_conforms() {
    let mut users = InlineUsers::new();
    for person in people() {
        let groups = Json::Array(person.groups.iter().map(|group| text(group)).collect());
        let number = person.employee_number.map_or(Json::Null, |number| Json::Number(Number::from(number)));
        let mut attributes = BTreeMap::from([
            (Box::from("name"), text(&person.user)),
            (Box::from("groups"), groups),
            (Box::from("employee_number"), number),
        ]);
        attributes.extend(person.email.map(|email| (Box::from("email"), text(email))));
        users.insert(person.user.into(), attributes);
    }
    check(Arc::new(InlineStore::new("staff".into(), users, None))).await;
}

#[tokio::test]
async fn sqlite_store_conforms() {
    let database = Database::new(
        "CREATE TABLE people (name TEXT PRIMARY KEY, email TEXT, employee_number INTEGER);
         CREATE TABLE memberships (name TEXT, place INTEGER, team TEXT);",
    )
    .await;
    let mut connection = database.open().await;
    for person in people() {
        sqlx::query("INSERT INTO people VALUES (?1, ?2, ?3)")
            .bind(&person.user)
            .bind(person.email)
            .bind(person.employee_number)
            .execute(&mut connection)
            .await
            .unwrap();
        for (place, group) in person.groups.iter().enumerate() {
            sqlx::query("INSERT INTO memberships VALUES (?1, ?2, ?3)")
                .bind(&person.user)
                .bind(i64::try_from(place).unwrap())
                .bind(group)
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
    connection.close().await.unwrap();
    let query = "SELECT name, email, employee_number FROM people WHERE name = :user";
    let groups = "SELECT team FROM memberships WHERE name = :user ORDER BY place";
    let names = ["name", "email", "employee_number", "groups"];
    check(database.store_with_multi(query, &[("groups", groups)], &names)).await;
}

#[tokio::test]
async fn scim_store_conforms() {
    let user_of = |(number, person): (usize, Person)| {
        let emails = person.email.map(|email| Json::from(object([("value", text(email)), ("primary", true.into())])));
        let roles = person.groups.iter().map(|group| Json::from(object([("value", text(group))])));
        let number_of = person.employee_number.map(|number| ("employeeNumber", Json::from(number)));
        scim::user(
            &format!("id-{number}"),
            [
                ("userName", text(&format!("person-{number}"))),
                ("emails", Json::Array(emails.into_iter().collect())),
                ("roles", Json::Array(roles.collect())),
                (scim::EXTENSION, object([("login", text(&person.user))].into_iter().chain(number_of)).into()),
            ],
        )
    };
    let users: Vec<Object> = people().into_iter().enumerate().map(user_of).collect();
    let server = scim::ScimServer::scim2(&users);
    // Not `userName`, which is compared without regard to case: `alice` and `Alice` could not both be there.
    let map = [
        ("urn:countersign:test:2.0:User:login", "name"),
        ("emails[primary eq true].value", "email"),
        ("roles.value", "groups"),
        ("urn:countersign:test:2.0:User:employeeNumber", "employee_number"),
    ];
    let find = scim::by_filter("urn:countersign:test:2.0:User:login eq \"{user}\"");
    // It compares normalised texts (NFC), so that it cannot tell two spellings of `José` apart.
    check_but(Arc::new(scim::store(server.settings(find, &map))), &["José", "Jose\u{301}"]).await;
}

fn object(members: impl IntoIterator<Item = (&'static str, Json)>) -> Object {
    let mut object = Object::default();
    members.into_iter().for_each(|(name, value)| object.insert(name, value));
    object
}

/// Fills a server's tables with [`people`], and checks a store over them. `text` is the type of names.
async fn check_server(dialect: Dialect, text: &str) {
    let server = DatabaseServer::shared(dialect).await;
    let mut sql = format!(
        "CREATE TABLE conforming (name {text}, email TEXT, employee_number BIGINT);
         CREATE TABLE conforming_teams (name {text}, place INTEGER, team TEXT);"
    );
    let quote = |text: &str| match dialect {
        Dialect::MySql => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        Dialect::Postgres | Dialect::Sqlite => format!("'{}'", text.replace('\'', "''")),
    };
    for person in people() {
        let (user, email) = (quote(&person.user), person.email.map_or("NULL".to_owned(), quote));
        let number = person.employee_number.map_or("NULL".to_owned(), |number| number.to_string());
        write!(sql, "INSERT INTO conforming VALUES ({user}, {email}, {number});").unwrap();
        for (place, group) in person.groups.iter().enumerate() {
            write!(sql, "INSERT INTO conforming_teams VALUES ({user}, {place}, {});", quote(group)).unwrap();
        }
    }
    server.execute(&sql).await;
    let store = server.store(&Asked {
        query: "SELECT name, email, employee_number FROM conforming WHERE name = :user",
        multi: &[("groups", "SELECT team FROM conforming_teams WHERE name = :user ORDER BY place")],
        names: &["name", "email", "employee_number", "groups"],
        user_column: Some("name"),
        password_column: None,
        listen: None,
    });
    check(store).await;
}

#[tokio::test]
async fn postgresql_store_conforms() {
    check_server(Dialect::Postgres, "TEXT").await;
}

#[tokio::test]
async fn mariadb_store_conforms() {
    check_server(Dialect::MySql, "VARCHAR(1100) COLLATE utf8mb4_nopad_bin").await;
}

#[tokio::test]
async fn ldap_store_over_openldap_conforms() {
    let mut ldif = Ldif::default();
    write_people(PEOPLE, &mut ldif, &[("objectClass", "inetOrgPerson"), ("sn", "x")], "uid");
    let slapd = Slapd::start(&ldif).await;
    check_directory(slapd.asked(), "uid").await;
}

#[tokio::test]
async fn ldap_store_over_active_directory_conforms() {
    let samba = Samba::shared().await;
    // An account's own name may hold hardly anything; a comment holds every name there is.
    let unit = samba.add("conforming", |unit, ldif| write_people(unit, ldif, &[("objectClass", "user")], "comment"));
    let filter = "(&(objectClass=user)(comment={user}))".to_owned();
    check_directory(slapd::Asked { filter, ..samba.asked(&unit) }, "comment").await;
}

/// Writes [`people`] below a unit, with their names in the attribute `name`.
fn write_people(unit: &str, ldif: &mut Ldif, class: &[(&str, &str)], name: &str) {
    for (number, person) in people().into_iter().enumerate() {
        let mut attributes: Vec<(&str, String)> = vec![(name, person.user)];
        attributes.extend(class.iter().map(|(name, value)| (*name, (*value).to_owned())));
        attributes.extend(person.email.map(|email| ("displayName", email.to_owned())));
        attributes.extend(person.employee_number.map(|number| ("employeeNumber", number.to_string())));
        attributes.extend(person.groups.iter().map(|group| ("ou", (*group).to_owned())));
        let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        ldif.entry(&format!("cn={number},{unit}"), &attributes);
    }
}

async fn check_directory(asked: slapd::Asked, name: &str) {
    let names = [(name, "name"), ("displayName", "email"), ("employeeNumber", "employee_number"), ("ou", "groups")];
    let kind = Kind { types: Types::Text, ..Kind::default() };
    check_kind(asked.giving(&names).store(), kind).await;
}

#[tokio::test]
async fn http_callout_conforms() {
    let person_of = |person: Person| {
        let groups = Json::Array(person.groups.iter().map(|group| text(group)).collect());
        let mut members = vec![("name", text(&person.user)), ("groups", groups)];
        members.extend(person.email.map(|email| ("email", text(email))));
        members.extend(person.employee_number.map(|number| ("employee_number", Json::from(number))));
        (person.user, Json::from(object(members)))
    };
    let mut by_name = Object::default();
    people().into_iter().map(person_of).for_each(|(name, person)| by_name.insert(name, person));
    let server = callout::People::start(by_name);
    let map = [("/name", "name"), ("/email", "email"), ("/employee_number", "employee_number"), ("/groups", "groups")];
    let by_query = callout::listing(&server.url("/people?name={user}"), None, &map);
    check(Arc::new(callout::store(by_query))).await;
    let by_body = callout::listing(&server.url("/search"), Some(r#"{"query":{"name":"{user}"}}"#), &map);
    check(Arc::new(callout::store(by_body))).await;
}

/// What is asked for as the user has no strangers: whoever has a token is somebody.
#[tokio::test]
async fn userinfo_conforms() {
    let claims_of = |person: &Person| {
        let groups = Json::Array(person.groups.iter().map(|group| text(group)).collect());
        let mut claims = vec![("name", text(&person.user)), ("groups", groups)];
        claims.extend(person.email.map(|email| ("email", text(email))));
        // JavaScript has no such numbers.
        claims.extend(person.employee_number.map(|number| ("employee_number", text(&number.to_string()))));
        Json::from(object(claims))
    };
    let people = people();
    let mut by_name = Object::default();
    for person in &people {
        by_name.insert(&*person.user, claims_of(person));
    }
    let provider = openid::OidcProvider::with(by_name);
    let names = ["name", "email", "employee_number", "groups"];
    let settings = openid::settings(&provider.iss(), &names.map(|name| (name, name)));
    let store = Arc::new(openid::store(settings));
    store.probe().await.unwrap();
    let cache = Arc::new(CachedStore::new("staff".into(), store, CacheSettings::default(), Handle::current()));
    let mut tokens = Vec::new();
    for person in &people {
        tokens.push(provider.token(&person.user, "mobile").await);
    }
    for _ in ["cold", "warm"] {
        for (person, token) in people.iter().zip(&tokens) {
            let question = Question { token: Some(token), ..Question::new(&person.user, at(7)) };
            let answer = cache.attributes(question, StalePolicy::Refuse).await;
            let answer = answer.unwrap_or_else(|error| panic!("{:?}: {error}", person.user));
            let expected = person.expected(Types::Text);
            assert_eq!(answer.attributes.as_deref().map(values), Some(expected), "{:?}", person.user);
        }
    }
    assert_eq!((cache.counters().misses, cache.counters().hits), (people.len() as u64, people.len() as u64));
    for (person, token) in people.iter().zip(tokens.iter().cycle().skip(1)) {
        let question = Question { token: Some(token), ..Question::new(&person.user, at(7)) };
        let refused = cache.attributes(question, StalePolicy::Refuse).await;
        assert!(matches!(refused, Err(StoreError::Malformed { .. })), "{:?} with another's token", person.user);
    }
}
