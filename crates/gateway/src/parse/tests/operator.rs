use claims::Json;

use super::*;

fn check_operator(further: &str, expected: &[&str]) {
    assert_eq!(operator_lines(&format!("{MINIMAL}{further}")), expected, "{further}");
}

#[test]
fn ten_mistakes_in_the_operators_file_give_ten_diagnostics() {
    let text = "\
gateway:
  issuer: 42
  clockSkew: 10
  reservedHeaderMode: srtip
  trustedProxies: [10.0.0.0/8, nowhere]
  listeners: [{ adress: 0.0.0.0:8080 }]
backendJwt:
  enabled: yes
  defaults: { signingAlgorithm: ES265 }
userStores:
  - { name: staff, sql: { url: 'sqlite:staff.db', query: SELECT 1, timeout: soon } }
applications: { name: Mobile }
admin: { address: localhost }
";
    assert_eq!(operator_lines(text).len(), 10);
    insta::assert_snapshot!(operator_lines(text).join("\n"));
}

#[test]
fn a_misspelt_required_field_is_one_mistake() {
    check_operator(
        "environments: [{ nmae: dev, hosts: [a] }]",
        &["2:18: error[unknown-field]: unknown field `nmae` | did you mean `name`?"],
    );
    check_operator(
        "issuers: [{ name: i, issuer: x, jkws: { url: 'https://x' } }]",
        &["2:33: error[unknown-field]: unknown field `jkws` | did you mean `jwks`?"],
    );
}

#[test]
fn an_issuer_has_one_source_of_keys() {
    let issuer = |further: &str| format!("issuers: [{{ name: i, issuer: x, {further} }}]");
    check_operator(&issuer("discovery: true"), &[]);
    check_operator(
        &issuer("discovery: false"),
        &[
            "2:33: error[missing-field]: the issuer has no keys and cannot be asked: neither `jwks` nor `discovery: true` nor `introspection` nor `passwords`",
        ],
    );
    check_operator(
        &issuer("discovery: true, jwks: { file: keys.json }"),
        &["2:33: error[conflicting-fields]: `jwks` and `discovery: true` exclude one another"],
    );
    check_operator(
        &issuer("jwks: { url: 'https://x', file: keys.json }"),
        &["2:39: error[conflicting-fields]: `jwks` needs one of `url` and `file`"],
    );
}

#[test]
fn a_user_store_is_of_one_kind() {
    let store = |further: &str| format!("userStores: [{{ name: s, {further} }}]");
    check_operator(&store("inline: { users: [{ user: ann, attributes: { groups: [a, 1], ok: true } }] }"), &[]);
    check_operator(&store("ldap: { url: 'ldaps://l', base: 'o=x', filter: '(uid={user})', userMatch: store }"), &[]);
    check_operator(&store("scim: { url: 'https://s/v2' }"), &[]);
    check_operator(&store("userinfo: { issuer: corp }"), &[]);
    check_operator(&store("http: { url: 'https://h/{user}' }"), &[]);
    check_operator(
        &store("sql: { url: 'sqlite:a', query: q }, inline: { users: [] }"),
        &["2:61: error[conflicting-fields]: `sql` and `inline` exclude one another: a user store is of one kind"],
    );
    check_operator(
        &store("attributes: { a: b }"),
        &[
            "2:14: error[missing-field]: the user store is of no kind: it needs one of `sql`, `inline`, `ldap`, `scim`, \
           `userinfo`, `http`",
        ],
    );
}

#[test]
fn a_database_is_named_without_showing_its_password() {
    let store =
        |url: &str, further: &str| format!("userStores: [{{ name: s, sql: {{ url: {url}, query: q{further} }} }}]");
    let inline = "2:37: warning[inline-secret]: `url` holds the password: everybody who reads this file knows it | say \
                  `password: { file: PATH }` or `password: { env: NAME }`, and only `USER@HOST` in the URL";
    let loose = "2:30: error[missing-field]: `userColumn` is missing: MySQL compares names without regard to case and \
                 trailing spaces, so that `ALICE` would get the attributes of `alice` | add the column with the user's \
                 name to `query`, and name it here";
    check_operator(&store("'postgres://u@db/x'", ", password: { env: DB }, ca: ca.pem"), &[]);
    check_operator(&store("['postgres://u@db1/x', 'postgres://u@db2/x']", ", tls: off"), &[]);
    check_operator(&store("'postgres://u:hunter2@db/x'", ""), &[inline]);
    check_operator(&store("'mysql://u@db/x'", ", userColumn: name"), &[]);
    check_operator(&store("'mysql://u@db/x'", ""), &[loose]);
    check_operator(
        &store("'oracle:u/hunter2'", ""),
        &["2:37: error[invalid-value]: `url` must begin with `sqlite:`, `postgres://` or `mysql://`"],
    );
    check_operator(
        &store("['postgres://u@db/x', 'mysql://u@db/x']", ", userColumn: name"),
        &["2:59: error[conflicting-fields]: the URLs are of different kinds of database"],
    );
}

#[test]
fn inline_attributes_keep_their_types_and_digits() {
    let text = "userStores: [{ name: s, inline: { users: [{ user: ann, attributes: \
                { n: 3.10, t: '3', b: true, l: [], m: [a, 12345678901234567890], o: { x: [1] } } }] } }]";
    let operator = operator(&format!("{MINIMAL}{text}"));
    let spec::UserStoreKind::Inline(store) = &operator.user_stores[0].kind else { panic!("not inline") };
    let shown = |values: &[Json]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    let attributes = store.users[0].attributes.iter();
    let attributes: Vec<_> = attributes.map(|(name, values)| (name.as_str(), shown(&values.0))).collect();
    let expected: [(&str, Vec<&str>); 6] = [
        ("n", vec!["3.10"]),
        ("t", vec!["\"3\""]),
        ("b", vec!["true"]),
        ("l", vec![]),
        ("m", vec!["\"a\"", "12345678901234567890"]),
        ("o", vec!["{\"x\":[1]}"]),
    ];
    assert_eq!(attributes, expected.map(|(name, values)| (name, values.into_iter().map(str::to_owned).collect())));
}

#[test]
fn a_secret_is_never_shown() {
    let secret = |secret: &str| format!("keys: {{ hmac: [{{ name: n, secret: {secret} }}] }}");
    check_operator(&secret("{ file: s }"), &[]);
    check_operator(&secret("{ env: S }"), &[]);
    check_operator(
        &secret("hunter2"),
        &[
            "2:35: warning[inline-secret]: `secret` holds the secret itself: everybody who reads this file knows it | put it \
           into a file or the environment: `{ file: PATH }` or `{ env: NAME }`",
        ],
    );
    let wrong = ["2:35: error[wrong-type]: `secret` must be `{ file: PATH }`, `{ env: NAME }` or the text itself"];
    for text in ["{ hunter2: x }", "{ hunter2 }", "[hunter2]", "{ file: [hunter2] }", "{ file: a, env: hunter2 }", "~"]
    {
        check_operator(&secret(text), &wrong);
    }
    let operator = {
        let mut diagnostics = Diagnostics::new();
        parse_operator(&source(&format!("{MINIMAL}{}", secret("hunter2"))), &mut diagnostics).unwrap()
    };
    assert!(!format!("{operator:?}").contains("hunter2"));
}
