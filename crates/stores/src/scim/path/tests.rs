use super::*;

const USER: &str = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "alice", "active": true, "logins": 12345678901234567890,
    "name": {"givenName": "Alice", "familyName": null},
    "emails": [
        {"value": "a@home.example", "type": "HOME"},
        {"value": "a@work.example", "type": "work", "primary": true}
    ],
    "groups": [{"value": "1", "display": "staff"}, {"value": "2", "display": "ops"}, {"value": "3"}],
    "tags": ["x", "y"],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"department": "R&D", "manager": {"displayName": "Bob", "$ref": "../Users/26"}}
}"#;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn check(path: &str, expected: &str) {
    let user = Json::parse(USER.as_bytes()).unwrap();
    let values = ScimPath::parse(path).unwrap().select(user.as_object().unwrap());
    assert_eq!(Json::Array(values).to_string(), expected, "{path}");
}

#[test]
fn a_path_selects_values_and_parts_of_them() {
    check("userName", r#"["alice"]"#);
    check("active", "[true]");
    check("logins", "[12345678901234567890]");
    check("name.givenName", r#"["Alice"]"#);
    check("name.familyName", "[]");
    check("name.middleName", "[]");
    check("nickName", "[]");
    check("groups.display", r#"["staff","ops"]"#);
    check("tags", r#"["x","y"]"#);
    check("tags.value", r#"["x","y"]"#);
    check("emails.value", r#"["a@home.example","a@work.example"]"#);
}

#[test]
fn a_filter_chooses_among_values() {
    check("emails[primary eq true].value", r#"["a@work.example"]"#);
    check("emails[type eq \"home\"].value", r#"["a@home.example"]"#);
    check("emails[type eq \"home\" or primary eq true].type", r#"["HOME","work"]"#);
    check("emails[not (primary eq true)].value", r#"["a@home.example"]"#);
    check("emails[primary ne true].value", r#"["a@home.example"]"#);
    check("emails[primary pr and value ew \".example\"].value", r#"["a@work.example"]"#);
    check("emails[type eq \"other\"].value", "[]");
    check("groups[display sw \"st\"].value", r#"["1"]"#);
    check("groups[not (display pr)].value", r#"["3"]"#);
    check("tags[value eq \"y\"]", r#"["y"]"#);
}

#[test]
fn names_are_compared_without_regard_to_case() {
    check("USERNAME", r#"["alice"]"#);
    check("Emails[Primary EQ true].VALUE", r#"["a@work.example"]"#);
    check(&format!("{}:Department", ENTERPRISE.to_ascii_lowercase()), r#"["R&D"]"#);
}

#[test]
fn extensions_are_reached_by_their_schema() {
    check(&format!("{ENTERPRISE}:department"), r#"["R&D"]"#);
    check(&format!("{ENTERPRISE}:manager.displayName"), r#"["Bob"]"#);
    check(&format!("{ENTERPRISE}:manager.$ref"), r#"["../Users/26"]"#);
    check(&format!("{ENTERPRISE}:costCenter"), "[]");
    check("urn:ietf:params:scim:schemas:core:2.0:User:userName", r#"["alice"]"#);
    check("urn:example:other:2.0:User:department", "[]");
    assert_eq!(
        ScimPath::parse(&format!("{ENTERPRISE}:manager.displayName")).unwrap().asked_for(),
        format!("{ENTERPRISE}:manager")
    );
    assert_eq!(ScimPath::parse("emails[type eq \"work\"].value").unwrap().asked_for(), "emails");
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let check = |path: &str, expected: &str| {
        assert_eq!(ScimPath::parse(path).unwrap_err().to_string(), expected, "{path}");
    };
    check("", "at character 1: expected the name of an attribute");
    check("1st", "at character 1: expected the name of an attribute");
    check("name.", "at character 6: expected the name of an attribute");
    check("name.given.x", "at character 11: more than expected");
    check("emails[", "at character 8: expected the name of an attribute");
    check("emails[type]", "at character 12: expected `eq`, `ne`, `co`, `sw`, `ew` or `pr`");
    check(
        "emails[type eq work].value",
        "at character 16: expected a text in double quotes, a number, `true`, `false` or `null`",
    );
    check("emails[type eq \"work].value", "at character 16: expected the closing double quote");
    check("emails[type eq \"work\"", "at character 22: expected `]`");
    check("emails[primary gt 1].value", "at character 8: `gt`, `ge`, `lt` and `le` are not supported in a path");
    check("emails[not primary eq true]", "at character 12: expected `(` after `not`");
    check(&format!("e[{}", "(".repeat(99)), "at character 20: nested too deeply");
    check("urn:x:", "at character 7: expected the name of an attribute");
    check("é", "at character 1: expected the name of an attribute");
}
