//! What is said at load about user stores that need a server.

use crate::testing::{Folder, OPERATOR, ORDERS};

/// Returns what is reported about a directory with these fields, and what is taken from it.
fn reported(fields: &str, attributes: &str) -> Vec<String> {
    let store = format!("  - {{ name: directory, ldap: {{ {fields} }}, attributes: {{ {attributes} }} }}\n");
    let diagnostics = Folder::new(&format!("{OPERATOR}{store}"), &[ORDERS]).diagnostics();
    let about = diagnostics.iter().filter(|diagnostic| diagnostic.code.text() != "inline-secret");
    about.map(|diagnostic| diagnostic.message.clone()).collect()
}

const FIELDS: &str = "url: ldaps://l.example.com, base: 'o=x', filter: '(uid={user})'";
const BOUND: &str = "bindDn: cn=g, bindPassword: secret";

fn check(fields: &str, attributes: &str, expected: &[&str]) {
    assert_eq!(reported(fields, attributes), expected, "{fields} / {attributes}");
}

#[test]
fn a_directory_is_checked_without_asking_it() {
    let further = |fields: &str| format!("{FIELDS}, {fields}");
    check(&further(BOUND), "mail: email", &[]);
    check(&further("bindDn: cn=g"), "mail: email", &["`bindDn` needs `bindPassword`"]);
    check(&further("bindPassword: secret"), "mail: email", &["`bindPassword` needs `bindDn`"]);
    check(&further("timeout: 0s"), "mail: email", &["`timeout` must not be 0"]);
    check(&further("ca: issuer.json"), "mail: email", &["`ca`: no certificate in PEM"]);
    check(
        "url: [], base: [], filter: '(uid={user})'",
        "mail: email",
        &["`url` names no server", "`base` names no place to search"],
    );
    check(
        "url: [ldap://a, http://b], base: people, filter: '(uid={user})'",
        "mail: email",
        &[
            "a directory's URL begins with `ldaps://` or `ldap://`",
            "a base is a distinguished name such as `ou=people,dc=example,dc=com`",
        ],
    );
}

#[test]
fn an_empty_password_is_refused_because_it_is_an_anonymous_bind() {
    let operator = format!(
        "{OPERATOR}  - {{ name: directory, ldap: {{ {FIELDS}, bindDn: cn=g, bindPassword: {{ file: empty }} }}, \
         attributes: {{ mail: email }} }}\n"
    );
    let folder = Folder::new(&operator, &[ORDERS]);
    std::fs::write(folder.directory.path().join("empty"), "\n").unwrap();
    let diagnostics = folder.diagnostics().to_string();
    assert!(diagnostics.contains("`bindPassword` is empty: that is an anonymous bind"), "{diagnostics}");
}

#[test]
fn a_filter_is_read_at_load_and_a_mistake_has_its_place() {
    let with = |filter: &str| format!("url: ldaps://l.example.com, base: 'o=x', filter: '{filter}'");
    check(&with("(&(uid={user})"), "mail: email", &["`filter`: character 15: `)` is expected here"]);
    check(&with("(uid=alice)"), "mail: email", &["`filter`: character 1: the filter does not use `{user}`"]);
    let substring = with("(uid={user}*)");
    let nothing = "`filter`: character 1: `userMatch: exact` needs `(attribute={user})` in the filter, not negated and \
                   without `*`";
    check(&substring, "mail: email", &[nothing]);
    check(&format!("{substring}, userMatch: store"), "mail: email", &[]);
}

#[test]
fn classes_name_attributes_of_the_store_and_each_once() {
    let classes = "{ attributes: [groups, rolls], ttl: 30s }, { attributes: [groups], ttl: 1h }, { ttl: 1h }";
    let cache = format!("  - name: staff\n    cache: {{ classes: [{classes}] }}\n");
    let operator = OPERATOR.replace("  - name: staff\n", &cache);
    let diagnostics = Folder::new(&operator, &[ORDERS]).diagnostics();
    let messages: Vec<_> =
        diagnostics.iter().map(|diagnostic| (&*diagnostic.message, diagnostic.hint.as_deref())).collect();
    let known = "it gives `email`, `given_name`, `groups`";
    assert_eq!(
        messages,
        [
            ("`classes`: the user store `staff` gives no attribute `rolls`", Some(known)),
            ("`classes`: `groups` is in two classes, or in one twice", None),
            ("the field `attributes` is missing", None),
        ]
    );
}

#[test]
fn groups_that_are_searched_for_are_taken() {
    let with = |groups: &str| format!("{FIELDS}, groups: {{ {groups} }}");
    check(&with("filter: '(member={dn})'"), "groups: { name: groups, value: cn }", &[]);
    check(&with("filter: '(member={dn})'"), "mail: email", &["nothing takes the groups that this finds"]);
    check(
        &with("filter: '(memberUid={user})', nested: true"),
        "groups: groups",
        &["`filter`: character 1: `nested` needs `{dn}` in the filter and no `{user}`"],
    );
    check(FIELDS, "photo: { name: photo, value: base64 }, roles: { name: roles, value: json }", &[]);
    check(FIELDS, "photo: { name: photo, value: hex }", &["`hex` is no value rule of this store"]);
}
