//! The LDAP store over a real slapd: who is found, what is read, which groups.

use std::{collections::BTreeSet, sync::Arc};

use claims::Json;
use stores::{GroupFilter, GroupSearch, LdapStore, MappedAttribute, Question, Trace, UserMatch, UserStore, ValueRule};

use crate::{
    servers::{
        population::{Population, Schema},
        slapd::{Asked, GROUPS, Ldif, PEOPLE, Slapd},
    },
    testing::{at, kind, text, values},
};

/// Returns the values of one attribute of `user`; `None`: nobody; `Err`: which kind of error.
async fn ask(store: &LdapStore, user: &str, attribute: &str) -> Result<Option<Vec<Json>>, &'static str> {
    let found = store.lookup(Question::new(user, at(0))).await.map_err(|error| kind(&error))?;
    Ok(found.map(|attributes| values(&attributes)[attribute].clone()))
}

fn texts(texts: &[&str]) -> Vec<Json> {
    texts.iter().map(|value| text(value)).collect()
}

#[tokio::test]
async fn some_hundred_people_get_their_own_values_and_groups() {
    let population = Population::new(300, 120);
    let schema = Schema { person: "inetOrgPerson", login: "uid", numbers: "telephoneNumber", group: "groupOfNames" };
    let mut ldif = Ldif::default();
    population.write_people(PEOPLE, &mut ldif, schema);
    population.write_groups(GROUPS, PEOPLE, &mut ldif, schema);
    let slapd = Slapd::start(&ldif).await;
    let filter = GroupFilter::parse("(&(objectClass=groupOfNames)(member={dn}))", true).unwrap();
    let groups = Some(GroupSearch { bases: vec![GROUPS.into()], filter, attribute: None, nested: true });
    check_population(&population, Asked { groups, ..slapd.asked() }, schema).await;
}

/// Checks that everybody gets his own attributes, his direct groups and all of them. `asked` searches for all of them.
pub(crate) async fn check_population(population: &Population, asked: Asked, schema: Schema<'_>) {
    let by_name =
        |raw: &str, name: &str| MappedAttribute { value: ValueRule::CommonName, ..MappedAttribute::new(raw, name) };
    let attributes = vec![
        MappedAttribute::new(schema.login, "login"),
        MappedAttribute::new("cn", "name"),
        MappedAttribute::new(schema.numbers, "numbers"),
        by_name("memberOf", "direct_groups"),
        by_name("groups", "all_groups"),
    ];
    let store = Asked { attributes, ..asked }.store();
    store.probe().await.unwrap();
    for (number, person) in population.people.iter().enumerate() {
        let found = store.lookup(Question::new(&person.login, at(0))).await.unwrap();
        let mut found = values(&found.unwrap());
        let set = |values: Vec<Json>| values.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let quoted = |names: BTreeSet<&str>| set(names.into_iter().map(text).collect());
        assert_eq!(set(found.remove("all_groups").unwrap()), quoted(population.all_groups(number)), "{}", person.name);
        assert_eq!(
            set(found.remove("direct_groups").unwrap()),
            quoted(population.direct_groups(number)),
            "{}",
            person.name
        );
        assert_eq!(found["numbers"].len(), person.numbers.len());
        assert_eq!((&found["login"], &found["name"]), (&vec![text(&person.login)], &vec![text(&person.name)]));
    }
}

/// Alice, Alice and the others, each with a telephone number of her own.
fn namesakes() -> Ldif {
    let mut ldif = Ldif::default();
    for (number, name) in ["alice", "Alice", "alice ", "bob", "José"].iter().enumerate() {
        let dn = format!("employeeNumber={number},{PEOPLE}");
        ldif.person(&dn, name, &[("employeeNumber", &number.to_string()), ("employeeType", "secret")]);
    }
    ldif
}

#[tokio::test]
async fn only_the_very_name_is_found_whatever_the_server_thinks_alike() {
    let slapd = Slapd::start(&namesakes()).await;
    let store = slapd.asked().giving(&[("employeeNumber", "number")]).store();
    for (number, name) in ["alice", "Alice", "alice ", "bob", "José"].iter().enumerate() {
        assert_eq!(ask(&store, name, "number").await, Ok(Some(texts(&[&number.to_string()]))), "{name:?}");
    }
    for stranger in ["ALICE", " alice", "alice  ", "BOB", "bob ", "Jose", "al*", "*", "bob)(uid=*", "bob\0", ""] {
        assert_eq!(ask(&store, stranger, "number").await, Ok(None), "{stranger:?}");
    }
}

#[tokio::test]
async fn with_the_servers_word_namesakes_are_ambiguous() {
    let slapd = Slapd::start(&namesakes()).await;
    let asked = Asked { user_match: UserMatch::Store, ..slapd.asked().giving(&[("employeeNumber", "number")]) };
    let store = asked.store();
    assert_eq!(ask(&store, "BOB", "number").await, Ok(Some(texts(&["3"]))));
    assert_eq!(ask(&store, "alice", "number").await, Err("ambiguous"));
}

#[tokio::test]
async fn two_entries_of_one_name_are_ambiguous() {
    let mut ldif = Ldif::default();
    ldif.person(&format!("cn=one,{PEOPLE}"), "bob", &[]);
    ldif.person(&format!("cn=two,{PEOPLE}"), "bob", &[]);
    ldif.person(&format!("cn=eve,{PEOPLE}"), "eve", &[("mail", "carol@example.com")]);
    ldif.person(&format!("cn=carol,{PEOPLE}"), "carol", &[("mail", "carol@example.com")]);
    let slapd = Slapd::start(&ldif).await;
    assert_eq!(ask(&slapd.asked().store(), "bob", "name").await, Err("ambiguous"));
    let by_mail = Asked { filter: "(mail={user}@example.com)".to_owned(), ..slapd.asked() };
    assert_eq!(ask(&by_mail.store(), "carol", "name").await, Err("ambiguous"));
    let either = Asked { filter: "(|(uid={user})(mail={user}))".to_owned(), ..slapd.asked() };
    assert_eq!(ask(&either.store(), "carol", "name").await, Ok(Some(texts(&["carol"]))));
}

#[tokio::test]
async fn a_name_that_more_entries_have_than_the_server_gives_is_ambiguous() {
    let mut ldif = Ldif::default();
    for number in 0..60 {
        ldif.person(&format!("cn={number},{PEOPLE}"), "BOB", &[]);
    }
    ldif.person(&format!("cn=bob,{PEOPLE}"), "bob", &[]);
    let slapd = Slapd::start(&ldif).await;
    assert_eq!(ask(&slapd.asked().store(), "bob", "name").await, Err("ambiguous"));
}

#[tokio::test]
async fn all_bases_are_searched_and_none_hides_a_namesake() {
    let mut ldif = Ldif::default();
    ldif.person(&format!("cn=a,{PEOPLE}"), "alice", &[]);
    ldif.person(&format!("cn=b,{GROUPS}"), "bob", &[]);
    ldif.person(&format!("cn=c,{PEOPLE}"), "carol", &[]);
    ldif.person(&format!("cn=c,{GROUPS}"), "carol", &[]);
    let slapd = Slapd::start(&ldif).await;
    let bases = |bases: &[&str]| bases.iter().map(|base| (*base).to_owned()).collect::<Vec<_>>();
    let store = Asked { bases: bases(&[PEOPLE, GROUPS]), ..slapd.asked() }.store();
    assert_eq!(ask(&store, "alice", "name").await, Ok(Some(texts(&["alice"]))));
    assert_eq!(ask(&store, "bob", "name").await, Ok(Some(texts(&["bob"]))));
    assert_eq!(ask(&store, "carol", "name").await, Err("ambiguous"));
    let nested = Asked { bases: bases(&["dc=example,dc=com", PEOPLE]), ..slapd.asked() }.store();
    assert_eq!(ask(&nested, "alice", "name").await, Ok(Some(texts(&["alice"]))));
    let missing = Asked { bases: bases(&[PEOPLE, "ou=gone,dc=example,dc=com"]), ..slapd.asked() }.store();
    assert_eq!(ask(&missing, "alice", "name").await, Err("unavailable"));
}

#[tokio::test]
async fn values_keep_their_order_and_names_their_case_does_not_matter() {
    let mut ldif = Ldif::default();
    let mails = [("mail", "z@example.com"), ("mail", "a@example.com"), ("givenName;lang-de", "Al"), ("title", "")];
    ldif.person(&format!("cn=a,{PEOPLE}"), "alice", &mails[..3]);
    let slapd = Slapd::start(&ldif).await;
    let store = slapd.asked().giving(&[("MAIL", "email"), ("givenname;lang-de", "german"), ("title", "title")]).store();
    assert_eq!(ask(&store, "alice", "email").await, Ok(Some(texts(&["z@example.com", "a@example.com"]))));
    assert_eq!(ask(&store, "alice", "german").await, Ok(Some(texts(&["Al"]))));
    assert_eq!(ask(&store, "alice", "title").await, Ok(Some(Vec::new())));
}

#[tokio::test]
async fn bytes_are_malformed_unless_base64_is_asked_for() {
    let mut ldif = Ldif::default();
    let photo: &[u8] = b"\xff\xd8\xff\xe0";
    let dn = format!("cn=a,{PEOPLE}");
    let person: [(&str, &[u8]); 5] =
        [("objectClass", b"inetOrgPerson"), ("cn", b"a"), ("sn", b"a"), ("uid", b"alice"), ("jpegPhoto", photo)];
    ldif.entry(&dn, &person);
    let slapd = Slapd::start(&ldif).await;
    let photo = |value| MappedAttribute { value, ..MappedAttribute::new("jpegPhoto", "photo") };
    let store = Asked { attributes: vec![photo(ValueRule::AsIs)], ..slapd.asked() }.store();
    assert_eq!(ask(&store, "alice", "photo").await, Err("malformed"));
    let store = Asked { attributes: vec![photo(ValueRule::Base64)], ..slapd.asked() }.store();
    assert_eq!(ask(&store, "alice", "photo").await, Ok(Some(texts(&["/9j/4A=="]))));
}

#[tokio::test]
async fn a_name_that_may_be_searched_for_and_not_read_is_an_error() {
    let slapd = Slapd::start(&namesakes()).await;
    let asked = Asked { filter: "(employeeType={user})".to_owned(), ..slapd.asked() };
    assert_eq!(ask(&asked.store(), "secret", "name").await, Err("malformed"));
}

/// A tree of groups: alice in `dev` and `a, "b"+c`; `dev` in `staff` in `all`, which is in `dev` again.
fn groups() -> Ldif {
    let mut ldif = Ldif::default();
    let group = |name: &str| format!("cn={name},{GROUPS}");
    let alice = format!("cn=Lučić\\, Al (x),{PEOPLE}");
    ldif.person(&alice, "alice", &[]);
    ldif.person(&format!("cn=b,{PEOPLE}"), "bob", &[]);
    ldif.group(&group("dev"), &[&alice, &group("all")]);
    ldif.group(&group("a\\, \\\"b\\\"\\+c"), &[&alice]);
    ldif.group(&group("staff"), &[&group("dev")]);
    ldif.group(&group("all"), &[&group("staff")]);
    ldif.group(&group("other"), &[&format!("cn=b,{PEOPLE}")]);
    ldif
}

fn by_search(slapd: &Slapd, filter: &str, nested: bool, attribute: Option<&str>) -> Arc<LdapStore> {
    let filter = GroupFilter::parse(filter, nested).unwrap();
    let groups = GroupSearch { bases: vec![GROUPS.into()], filter, attribute: attribute.map(Box::from), nested };
    let value = if attribute.is_some() { ValueRule::AsIs } else { ValueRule::CommonName };
    let attributes = vec![MappedAttribute { value, ..MappedAttribute::new("groups", "groups") }];
    Asked { groups: Some(groups), attributes, ..slapd.asked() }.store()
}

#[tokio::test]
async fn groups_come_from_member_of_from_a_search_and_from_a_walk() {
    let slapd = Slapd::start(&groups()).await;
    let member_of = MappedAttribute { value: ValueRule::CommonName, ..MappedAttribute::new("memberOf", "groups") };
    let store = Asked { attributes: vec![member_of], ..slapd.asked() }.store();
    assert_eq!(ask(&store, "alice", "groups").await, Ok(Some(texts(&["dev", "a, \"b\"+c"]))));
    let direct = Ok(Some(texts(&["a, \"b\"+c", "dev"])));
    assert_eq!(ask(&by_search(&slapd, "(member={dn})", false, None), "alice", "groups").await, direct);
    assert_eq!(ask(&by_search(&slapd, "(member={dn})", false, Some("cn")), "alice", "groups").await, direct);
    let nested = Ok(Some(texts(&["a, \"b\"+c", "all", "dev", "staff"])));
    assert_eq!(ask(&by_search(&slapd, "(member={dn})", true, None), "alice", "groups").await, nested);
    let of_bob = Ok(Some(texts(&["other"])));
    assert_eq!(ask(&by_search(&slapd, "(member={dn})", true, None), "bob", "groups").await, of_bob);
}

#[tokio::test]
async fn posix_groups_are_found_by_the_users_name() {
    let mut ldif = groups();
    for (number, name, member) in [(1, "ops", "alice"), (2, "web", "bob"), (3, "all-of-us", "Alice")] {
        let number: &[u8] = &[b'0' + number];
        let attributes: [(&str, &[u8]); 4] = [
            ("objectClass", b"posixGroup"),
            ("cn", name.as_bytes()),
            ("gidNumber", number),
            ("memberUid", member.as_bytes()),
        ];
        ldif.entry(&format!("cn={name},{GROUPS}"), &attributes);
    }
    let slapd = Slapd::start(&ldif).await;
    let store = by_search(&slapd, "(&(objectClass=posixGroup)(memberUid={user}))", false, None);
    assert_eq!(ask(&store, "alice", "groups").await, Ok(Some(texts(&["ops"]))));
}

#[tokio::test]
async fn more_groups_than_the_server_gives_at_once_come_in_pages() {
    let mut ldif = Ldif::default();
    let alice = format!("cn=a,{PEOPLE}");
    ldif.person(&alice, "alice", &[]);
    // The server gives the gateway 100 entries at once, and any number in pages.
    let names: Vec<String> = (0..700).map(|number| format!("group-{number:03}")).collect();
    for name in &names {
        ldif.group(&format!("cn={name},{GROUPS}"), &[&alice]);
    }
    let slapd = Slapd::start(&ldif).await;
    let store = by_search(&slapd, "(member={dn})", true, None);
    let expected: Vec<Json> = names.iter().map(|name| text(name)).collect();
    assert_eq!(ask(&store, "alice", "groups").await, Ok(Some(expected)));
}

#[tokio::test]
async fn a_trace_shows_the_filters_as_sent_and_what_came() {
    let slapd = Slapd::start(&groups()).await;
    let store = by_search(&slapd, "(member={dn})", false, None);
    let trace = Trace::default();
    let question = Question { trace: Some(&trace), ..Question::new("alice", at(0)) };
    store.lookup(question).await.unwrap();
    let traced = trace.traced();
    let asked = [
        "ou=people,dc=example,dc=com: (&(objectClass=person)(uid=alice))",
        "ou=groups,dc=example,dc=com: (member=cn=Lučić\\5c2C Al \\28x\\29,ou=people,dc=example,dc=com)",
    ];
    assert_eq!(traced.asked.iter().map(|asked| &**asked).collect::<Vec<_>>(), asked);
    assert_eq!((traced.matches, traced.returned.iter().map(|name| &**name).collect()), (Some(1), vec!["groups"]));
    let trace = Trace::default();
    store.lookup(Question { trace: Some(&trace), ..Question::new("ALICE", at(0)) }).await.unwrap();
    assert_eq!(trace.traced().matches, Some(0));
    assert!(trace.traced().asked[1].contains("userMatch: exact"), "{trace:?}");
}

#[tokio::test]
async fn a_referral_is_not_followed() {
    let mut ldif = namesakes();
    let attributes: [(&str, &[u8]); 4] = [
        ("objectClass", b"referral"),
        ("objectClass", b"extensibleObject"),
        ("cn", b"elsewhere"),
        ("ref", b"ldap://127.0.0.1:1/ou=people,dc=example,dc=com"),
    ];
    ldif.entry(&format!("cn=elsewhere,{PEOPLE}"), &attributes);
    let slapd = Slapd::start(&ldif).await;
    assert_eq!(ask(&slapd.asked().store(), "bob", "name").await, Ok(Some(texts(&["bob"]))));
    assert_eq!(ask(&slapd.asked().store(), "nobody", "name").await, Ok(None));
    let inside = Asked { bases: vec![format!("cn=elsewhere,{PEOPLE}")], ..slapd.asked() };
    assert_eq!(ask(&inside.store(), "bob", "name").await, Err("unavailable"));
}
