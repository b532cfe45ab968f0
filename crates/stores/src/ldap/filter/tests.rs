//! What a filter may be, where a mistake is reported, and that no name changes a filter's meaning.

use ldap3::asn1::Tag;
use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: Result<&str, (usize, FilterProblem)>) {
    let filled = UserFilter::parse(text, UserMatch::Exact).map(|filter| filter.fill("a*b"));
    let expected = expected.map(ToOwned::to_owned);
    assert_eq!(filled, expected.map_err(|(position, problem)| FilterError { position, problem }), "{text}");
}

#[test]
fn the_user_is_escaped_wherever_he_occurs() {
    check("(uid={user})", Ok("(uid=a\\2ab)"));
    let either = "(&(objectClass=person)(|(uid={user})(mail={user}@example.com)))";
    check(either, Ok("(&(objectClass=person)(|(uid=a\\2ab)(mail=a\\2ab@example.com)))"));
    check("(proxyAddresses=smtp:{user})", Ok("(proxyAddresses=smtp:a\\2ab)"));
    check("(uid:caseExactMatch:={user})", Ok("(uid:caseExactMatch:=a\\2ab)"));
    let enabled = "(&(uid={user})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))";
    check(enabled, Ok("(&(uid=a\\2ab)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"));
    let all = "(&(cn=*a*b*)(o=\\28x\\29)(age>=3)(givenName;lang-de=é)(uid={user}))";
    check(all, Ok("(&(cn=*a*b*)(o=\\28x\\29)(age>=3)(givenName;lang-de=é)(uid=a\\2ab))"));
}

#[test]
fn blanks_and_lines_between_filters_are_left_out() {
    check(" (&\n  (objectClass=person)\n  (uid={user})\n) ", Ok("(&(objectClass=person)(uid=a\\2ab))"));
    check("(&(cn= a )(uid={user}))", Ok("(&(cn= a )(uid=a\\2ab))"));
}

#[test]
fn a_mistake_has_its_place() {
    check("uid={user}", Err((1, FilterProblem::Expected("`(`"))));
    check("(uid={user}", Err((12, FilterProblem::Expected("`)`"))));
    check("(uid={user}))", Err((13, FilterProblem::Trailing)));
    check("(a=b)(uid={user})", Err((6, FilterProblem::Trailing)));
    check("(é={user})", Err((2, FilterProblem::Expected("an attribute's name"))));
    check("(&(uid={user})(cn))", Err((18, FilterProblem::Expected("`=`, `~=`, `>=` or `<=`"))));
    check("(&(cn=a\\2)(uid={user}))", Err((8, FilterProblem::Escape)));
    check("(&(cn=a(b)(uid={user}))", Err((8, FilterProblem::Unescaped('('))));
    check("(uid={User})", Err((6, FilterProblem::UnknownPlaceholder("User".into()))));
    check("(uid={dn})", Err((6, FilterProblem::UnknownPlaceholder("dn".into()))));
    check("(uid={user}{user})", Err((6, FilterProblem::NotAlone("user"))));
    check("(member=uid={user},ou=people)", Err((9, FilterProblem::WithinDistinguishedName)));
    check("(uid=alice)", Err((1, FilterProblem::NoPlaceholder("`{user}`"))));
    check("({user}=a)", Err((2, FilterProblem::Expected("an attribute's name"))));
    check(&"(!".repeat(40), Err((65, FilterProblem::TooDeep(32))));
}

#[test]
fn exact_needs_something_to_compare_with() {
    for text in ["(uid={user}*)", "(uid>={user})", "(uid~={user})", "(!(uid={user}))", "(:caseExactMatch:={user})"] {
        check(text, Err((1, FilterProblem::NothingToCompare)));
        assert!(UserFilter::parse(text, UserMatch::Store).is_ok(), "{text}");
    }
}

#[test]
fn only_the_very_name_is_compared_equal() {
    let filter = UserFilter::parse("(|(uid={user})(mail={user}@example.com))", UserMatch::Exact).unwrap();
    let [uid, mail] = filter.compared() else { panic!("{filter:?}") };
    assert_eq!((&*uid.attribute, &*mail.attribute), ("uid", "mail"));
    assert!(uid.names(b"alice", "alice") && mail.names(b"alice@example.com", "alice"));
    for other in ["Alice", "alice ", "alic", "alice@example.com", ""] {
        assert!(!uid.names(other.as_bytes(), "alice"), "{other}");
    }
    assert!(!mail.names(b"alice", "alice") && !mail.names(b"alice@Example.com", "alice"));
}

fn check_groups(text: &str, is_nested: bool, expected: Result<&str, FilterProblem>) {
    let filled = GroupFilter::parse(text, is_nested).map(|filter| filter.fill("al", "cn=a\\2c(b),o=x"));
    assert_eq!(filled.map_err(|error| error.problem), expected.map(ToOwned::to_owned), "{text}");
}

#[test]
fn groups_are_found_by_distinguished_name_or_by_user() {
    check_groups("(member={dn})", true, Ok("(member=cn=a\\5c2c\\28b\\29,o=x)"));
    let nested = "(member:1.2.840.113556.1.4.1941:={dn})";
    check_groups(nested, false, Ok("(member:1.2.840.113556.1.4.1941:=cn=a\\5c2c\\28b\\29,o=x)"));
    check_groups("(memberUid={user})", false, Ok("(memberUid=al)"));
    check_groups("(memberUid={user})", true, Err(FilterProblem::NotNestable));
    check_groups("(|(memberUid={user})(member={dn}))", true, Err(FilterProblem::NotNestable));
    check_groups("(member=x{dn})", false, Err(FilterProblem::NotAlone("dn")));
    check_groups("(cn=all)", false, Err(FilterProblem::NoPlaceholder("`{dn}` or `{user}`")));
}

/// Returns the value of the one equality that a filter consists of, as it goes over the wire.
fn assertion(filter: &str) -> Option<Vec<u8>> {
    let Ok(Tag::Sequence(item)) = ldap3::parse_filter(filter) else { return None };
    let [attribute, value] = <[Tag; 2]>::try_from(item.inner).ok()?;
    match (attribute, value) {
        (Tag::OctetString(name), Tag::OctetString(value)) if name.inner == b"uid" && item.id == 3 => Some(value.inner),
        _ => None,
    }
}

proptest! {
    #[test]
    fn any_name_stays_one_value(user in any::<String>()) {
        let filter = UserFilter::parse("(uid={user})", UserMatch::Exact).unwrap().fill(&user);
        prop_assert_eq!(assertion(&filter), Some(user.into_bytes()), "{}", filter);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[(){}&|!=*:<>~\\\\ auserdn2é]{0,40}") {
        let _ = UserFilter::parse(&text, UserMatch::Exact);
        let _ = GroupFilter::parse(&text, true);
    }
}

#[test]
fn the_placeholder_is_shown_as_written() {
    assert_eq!(UserFilter::parse("( uid={user})", UserMatch::Exact).unwrap().to_string(), "(uid={user})");
}
