//! One user by token, API key, client certificate and password: the same claims, whatever the names and the attributes.
//!
//! An opaque token needs a server: `tests/identity/test_same_user.py`.

use base64::{Engine, engine::general_purpose::STANDARD};
use gateway::{Connection, Decision, hash_api_key};
use proptest::{prelude::*, sample::select};
use rcgen::DnType;
use serde_json::{Map, Value, json};

use crate::{
    certificates::{Authority, ITEM, with},
    testing::{Folder, OPERATOR, ORDERS, Running, assertion, code, decoded},
};

const PASSWORD: &str = "wonderland";
/// bcrypt, as quick as can be.
const HASH: &str = "$2b$04$tNhulhr2VwiiSpVPXt425eTZqR97ZCZmVSWj2GEbW8kh.5OmKoK42";
const ANY_OF_THEM: &str = "
authentication:
  - { authType: OAuth2, required: optional }
  - { authType: APIKey, required: optional }
  - { authType: Basic, required: optional }
  - { authType: mTLS, required: optional }
";
const ODD: [&str; 12] = [
    "alice",
    "Alice",
    "alice ",
    " alice",
    "CORP/alice",
    "a,cn=b",
    "*)(uid=*",
    "' OR '1'='1",
    "${token.sub}",
    "null",
    "é",
    "e\u{301}",
];

/// Someone in the user store.
#[derive(Clone, Debug)]
struct Person {
    name: String,
    attributes: Map<String, Value>,
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "\\PC{0,12}".prop_map(Value::from),
        prop::collection::vec("\\PC{0,8}", 0..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ]
}

fn any_person() -> impl Strategy<Value = Person> {
    let name = prop_oneof![4 => "\\PC{1,24}", 1 => select(&ODD[..]).prop_map(str::to_owned)];
    let attribute = select(vec!["email", "given_name", "family_name", "groups", "roles", "locale", "tenant_id"]);
    let attributes = prop::collection::btree_map(attribute.prop_map(str::to_owned), any_value(), 0..6);
    (name, attributes).prop_map(|(name, attributes)| Person { name, attributes: attributes.into_iter().collect() })
}

/// Up to some people, no two of one name.
fn any_people() -> impl Strategy<Value = Vec<Person>> {
    prop::collection::vec(any_person(), 1..10).prop_map(|mut people| {
        people.sort_by(|left, right| left.name.cmp(&right.name));
        people.dedup_by(|left, right| left.name == right.name);
        people
    })
}

fn key(number: usize) -> String {
    format!("csk_{number:0>40}")
}

/// A value as YAML reads it back: JSON, with the line separators that YAML would fold.
fn written(value: &Value) -> String {
    value.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// A gateway whose store has these people, each with a password and a key.
fn start(people: &[Person], subject: &str, authority: &Authority) -> Running {
    let users: Vec<Value> = people
        .iter()
        .map(|person| json!({ "user": person.name, "attributes": person.attributes, "passwordHash": HASH }))
        .collect();
    let keys: Vec<Value> = people
        .iter()
        .enumerate()
        .map(|(number, person)| {
            let hash = hash_api_key(key(number).as_bytes()).to_string();
            json!({ "id": number.to_string(), "hash": hash, "user": { "issuer": "corp", "name": person.name } })
        })
        .collect();
    let (issuers, _) = OPERATOR.split_once("\nuserStores:").unwrap();
    let issuers =
        issuers.replace("    lookup:", &format!("    subject: '{subject}'\n    passwords: {{}}\n    lookup:"));
    let rest = json!({
        "userStores": [{ "name": "staff", "inline": { "users": users } }],
        "clientCertificates": [{ "name": "cards", "ca": "cards.pem", "issuer": "corp" }],
        "applications": [{ "name": "Keys", "apiKeys": keys }],
    });
    let rest = rest.as_object().unwrap().iter().map(|(name, value)| format!("\n{name}: {}", written(value)));
    let folder = Folder::new(&format!("{issuers}{}\n", rest.collect::<String>()), &[&format!("{ORDERS}{ANY_OF_THEM}")]);
    std::fs::write(folder.directory.path().join("cards.pem"), &authority.1).unwrap();
    folder.start()
}

/// The claims about the user, or the code of a refusal: without the JWT's times and what is the application's.
fn told(decision: &Decision) -> Result<Map<String, Value>, &'static str> {
    if decision.outcome.is_err() {
        return Err(code(decision));
    }
    let Value::Object(mut payload) = decoded(&assertion(decision)).1 else { panic!() };
    let others = ["jti", "iat", "nbf", "exp", "scope"];
    payload.retain(|name, _| {
        let is_applications = ["application", "subscriber", "/tier"].iter().any(|part| name.contains(part));
        !others.contains(&&**name) && (name.ends_with("usertype") || !is_applications)
    });
    Ok(payload)
}

/// What each credential of the user tells that can hold the user's name.
fn all_told(gateway: &Running, number: usize, name: &str, authority: &Authority) -> Vec<Map<String, Value>> {
    let secure = || Connection::new("192.0.2.7:4000".parse().unwrap(), true);
    let bearer = format!("Bearer {}", gateway.token(&json!({ "sub": name })));
    let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{PASSWORD}")));
    let certificate = authority.sign(|params| params.distinguished_name.push(DnType::CommonName, name));
    let mut decisions = vec![
        gateway.decide_on(secure(), 0, ITEM, &[("authorization", &bearer)]),
        gateway.decide_on(secure(), 0, ITEM, &[("apikey", &key(number))]),
        gateway.decide_on(with(&certificate), 0, ITEM, &[]),
    ];
    // A colon would end the name (RFC 7617 §2).
    if !name.contains(':') {
        decisions.push(gateway.decide_on(secure(), 0, ITEM, &[("authorization", &basic)]));
    }
    decisions.iter().map(|decision| told(decision).unwrap_or_else(|code| panic!("{name:?}: {code}"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_credential_of_a_user_gives_the_same_claims(
        people in any_people(),
        subject in select(vec!["${token.sub}", "corp:${token.sub}", "${token.sub}@corp.example"]),
    ) {
        let authority = Authority::new("cards");
        let gateway = start(&people, subject, &authority);
        for (number, person) in people.iter().enumerate() {
            let told = all_told(&gateway, number, &person.name, &authority);
            let expected = subject.replace("${token.sub}", &person.name);
            prop_assert_eq!(&told[0]["sub"], &Value::from(expected));
            prop_assert_eq!(&told[0]["http://wso2.org/claims/enduser"], &Value::from(&*person.name));
            if let Some(Value::String(email)) = person.attributes.get("email") {
                prop_assert_eq!(&told[0]["http://wso2.org/claims/emailaddress"], &Value::from(&**email));
            }
            for other in &told[1..] {
                prop_assert_eq!(other, &told[0]);
            }
        }
    }
}
