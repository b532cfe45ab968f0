//! The LDAP store over Active Directory, as Samba provides it: binary attributes, nested groups, its own comparisons.

use claims::Json;
use stores::{GroupFilter, GroupSearch, MappedAttribute, Question, UserMatch, UserStore, ValueRule};

use crate::{
    ldap::check_population,
    servers::{
        population::{Population, Schema},
        samba::{DOMAIN, Samba},
        slapd::{Asked, Ldif},
    },
    testing::{at, text, values},
};

/// Active Directory walks groups within groups by itself.
const IN_CHAIN: &str = "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={dn}))";

/// Adds an account.
fn account(ldif: &mut Ldif, unit: &str, name: &str, control: &str) {
    let attributes: [(&str, &[u8]); 3] =
        [("objectClass", b"user"), ("sAMAccountName", name.as_bytes()), ("userAccountControl", control.as_bytes())];
    ldif.entry(&format!("cn={name},{unit}"), &attributes);
}

/// Returns the values of one attribute of `user`; `None`: nobody.
async fn ask(asked: Asked, user: &str, raw: &str) -> Option<Vec<Json>> {
    let found = asked.giving(&[(raw, "value")]).store().lookup(Question::new(user, at(0))).await.unwrap();
    found.map(|attributes| values(&attributes)["value"].clone())
}

#[tokio::test]
async fn identifiers_are_written_as_windows_writes_them() {
    let samba = Samba::shared().await;
    let unit = samba.add("identifiers", |unit, ldif| account(ldif, unit, "ida", "544"));
    for attribute in ["objectGUID", "objectSid"] {
        let shown = samba.shown("ida", attribute);
        assert_eq!(ask(samba.asked(&unit), "ida", attribute).await, Some(vec![text(&shown)]));
        let by_identifier = Asked { filter: format!("({attribute}={{user}})"), ..samba.asked(&unit) };
        assert_eq!(ask(by_identifier, &shown, "sAMAccountName").await, Some(vec![text("ida")]));
    }
}

#[tokio::test]
async fn a_whole_domain_is_searched_without_following_its_references() {
    let samba = Samba::shared().await;
    samba.add("references", |unit, ldif| account(ldif, unit, "ref", "544"));
    assert_eq!(ask(samba.asked(DOMAIN), "ref", "sAMAccountName").await, Some(vec![text("ref")]));
    assert_eq!(ask(samba.asked(DOMAIN), "ref-not", "sAMAccountName").await, None);
}

#[tokio::test]
async fn account_names_count_as_they_are_spelt_unless_the_server_is_trusted() {
    let samba = Samba::shared().await;
    let unit = samba.add("spelling", |unit, ldif| account(ldif, unit, "Spelt", "544"));
    assert_eq!(ask(samba.asked(&unit), "Spelt", "sAMAccountName").await, Some(vec![text("Spelt")]));
    assert_eq!(ask(samba.asked(&unit), "spelt", "sAMAccountName").await, None);
    let trusting = Asked { user_match: UserMatch::Store, ..samba.asked(&unit) };
    assert_eq!(ask(trusting, "sPELT", "sAMAccountName").await, Some(vec![text("Spelt")]));
}

#[tokio::test]
async fn a_filter_leaves_out_accounts_that_are_switched_off() {
    let samba = Samba::shared().await;
    let unit = samba.add("switched-off", |unit, ldif| {
        account(ldif, unit, "on", "544");
        account(ldif, unit, "off", "546");
    });
    let filter = "(&(sAMAccountName={user})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))".to_owned();
    let asked = Asked { filter, ..samba.asked(&unit) };
    assert_eq!(ask(asked.clone(), "on", "sAMAccountName").await, Some(vec![text("on")]));
    assert_eq!(ask(asked, "off", "sAMAccountName").await, None);
}

#[tokio::test]
async fn the_primary_group_is_in_no_list_of_groups() {
    let samba = Samba::shared().await;
    let unit = samba.add("primary", |unit, ldif| account(ldif, unit, "prim", "544"));
    let filter = GroupFilter::parse(IN_CHAIN, false).unwrap();
    let groups = Some(GroupSearch { bases: vec![DOMAIN.into()], filter, attribute: None, nested: false });
    assert_eq!(ask(samba.asked(&unit), "prim", "memberOf").await, Some(Vec::new()));
    assert_eq!(ask(Asked { groups, ..samba.asked(&unit) }, "prim", "groups").await, Some(Vec::new()));
    assert_eq!(ask(samba.asked(&unit), "prim", "primaryGroupID").await, Some(vec![text("513")]));
}

#[tokio::test]
async fn groups_are_called_by_an_attribute_of_theirs() {
    let samba = Samba::shared().await;
    let unit = samba.add("called", |unit, ldif| {
        account(ldif, unit, "cal", "544");
        let member = format!("cn=cal,{unit}");
        let group: [(&str, &[u8]); 3] =
            [("objectClass", b"group"), ("sAMAccountName", b"short"), ("member", member.as_bytes())];
        ldif.entry(&format!("cn=A long name,{unit}"), &group);
    });
    let filter = GroupFilter::parse("(member={dn})", false).unwrap();
    let attribute = Some("sAMAccountName".into());
    let groups = Some(GroupSearch { bases: vec![unit.clone().into()], filter, attribute, nested: true });
    assert_eq!(ask(Asked { groups, ..samba.asked(&unit) }, "cal", "groups").await, Some(vec![text("short")]));
    let named = MappedAttribute { value: ValueRule::CommonName, ..MappedAttribute::new("memberOf", "value") };
    let store = Asked { attributes: vec![named], ..samba.asked(&unit) }.store();
    let found = store.lookup(Question::new("cal", at(0))).await.unwrap().unwrap();
    assert_eq!(values(&found)["value"], [text("A long name")]);
}

#[tokio::test]
async fn a_hundred_people_get_their_own_values_and_groups() {
    let samba = Samba::shared().await;
    let population = Population::new(100, 40);
    let schema = Schema { person: "user", login: "comment", numbers: "otherTelephone", group: "group" };
    let unit = samba.add("population", |unit, ldif| {
        population.write_people(unit, ldif, schema);
        population.write_groups(unit, unit, ldif, schema);
    });
    let filter = GroupFilter::parse(IN_CHAIN, false).unwrap();
    let groups = Some(GroupSearch { bases: vec![unit.clone().into()], filter, attribute: None, nested: false });
    let asked = Asked { groups, filter: "(comment={user})".to_owned(), ..samba.asked(&unit) };
    check_population(&population, asked, schema).await;
}
