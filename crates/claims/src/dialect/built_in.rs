//! The built-in dialects: `wso2`, `oidc`, `scim` and `none`.
//!
//! Attributes are named as in OIDC Core §5.1 where that has a name. An upgrade within 1.x never adds, drops or
//! retypes a line of these tables: backends see the result.

use super::{ClaimMapping, ClaimType, Dialect};
use crate::name::Name;

/// Finds a built-in dialect by its short name or URI.
pub(super) fn find(name_or_uri: &str) -> Option<Dialect> {
    BUILT_IN.iter().find(|dialect| dialect.is_called(name_or_uri)).map(BuiltIn::to_dialect)
}

struct BuiltIn {
    name: &'static str,
    uri: &'static str,
    prefix: &'static str,
    /// Attribute, claim without the prefix (a claim with a colon is a full name), and whether it is multi-valued.
    rules: &'static [(&'static str, &'static str, Values)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    One,
    Many,
}

use Values::{Many, One};

impl BuiltIn {
    fn is_called(&self, name_or_uri: &str) -> bool {
        let is_uri = !self.uri.is_empty() && name_or_uri.trim_end_matches(['/', ':']) == self.uri;
        self.name == name_or_uri || is_uri
    }

    fn to_dialect(&self) -> Dialect {
        let mapping = |(attribute, claim, values): &(&str, &str, Values)| ClaimMapping {
            attribute: (*attribute).into(),
            claim: if claim.contains(':') { Name::new(claim) } else { Name::new(&[self.prefix, claim].concat()) },
            multi: *values == Many,
            claim_type: ClaimType::AsIs,
        };
        Dialect::new(self.name, self.uri, self.prefix, self.rules.iter().map(mapping).collect())
    }
}

const BUILT_IN: [BuiltIn; 4] = [
    BuiltIn { name: "wso2", uri: "http://wso2.org/claims", prefix: "http://wso2.org/claims/", rules: &WSO2 },
    BuiltIn { name: "oidc", uri: "http://wso2.org/oidc/claim", prefix: "", rules: &OIDC },
    BuiltIn {
        name: "scim",
        uri: "urn:ietf:params:scim:schemas:core:2.0:User",
        prefix: "urn:ietf:params:scim:schemas:core:2.0:User:",
        rules: &SCIM,
    },
    BuiltIn { name: "none", uri: "", prefix: "", rules: &[] },
];

/// WSO2's local claim dialect. Its default map sends both `profile` and `website` to `url`: here `website` keeps it, and
/// `profile` has a claim of its own, because no two attributes share a claim.
const WSO2: [(&str, &str, Values); 34] = [
    ("name", "fullname", One),
    ("given_name", "givenname", One),
    ("middle_name", "middleName", One),
    ("family_name", "lastname", One),
    ("nickname", "nickname", One),
    ("preferred_username", "displayName", One),
    ("upn", "userprincipal", One),
    ("email", "emailaddress", One),
    ("email_verified", "identity/emailVerified", One),
    ("phone_number", "telephone", One),
    ("phone_number_verified", "identity/phoneVerified", One),
    ("mobile", "mobile", One),
    ("gender", "gender", One),
    ("birthdate", "dob", One),
    ("zoneinfo", "timeZone", One),
    ("locale", "local", One),
    ("picture", "photourl", One),
    ("profile", "profile", One),
    ("website", "url", One),
    ("address", "addresses", One),
    ("formatted", "addresses.formatted", One),
    ("street_address", "streetaddress", One),
    ("locality", "locality", One),
    ("region", "region", One),
    ("postal_code", "postalcode", One),
    ("country", "country", One),
    ("organization", "organization", One),
    ("department", "department", One),
    ("title", "title", One),
    ("employee_number", "employeeNumber", One),
    ("manager", "manager", One),
    ("updated_at", "modified", One),
    ("groups", "role", Many),
    ("roles", "roles", Many),
];

/// OIDC Core §5.1 as it is, with the common claims of a directory.
const OIDC: [(&str, &str, Values); 34] = [
    ("name", "name", One),
    ("given_name", "given_name", One),
    ("middle_name", "middle_name", One),
    ("family_name", "family_name", One),
    ("nickname", "nickname", One),
    ("preferred_username", "preferred_username", One),
    ("upn", "upn", One),
    ("email", "email", One),
    ("email_verified", "email_verified", One),
    ("phone_number", "phone_number", One),
    ("phone_number_verified", "phone_number_verified", One),
    ("mobile", "mobile", One),
    ("gender", "gender", One),
    ("birthdate", "birthdate", One),
    ("zoneinfo", "zoneinfo", One),
    ("locale", "locale", One),
    ("picture", "picture", One),
    ("profile", "profile", One),
    ("website", "website", One),
    ("address", "address", One),
    ("formatted", "formatted", One),
    ("street_address", "street_address", One),
    ("locality", "locality", One),
    ("region", "region", One),
    ("postal_code", "postal_code", One),
    ("country", "country", One),
    ("organization", "organization", One),
    ("department", "department", One),
    ("title", "title", One),
    ("employee_number", "employee_number", One),
    ("manager", "manager", One),
    ("updated_at", "updated_at", One),
    ("groups", "groups", Many),
    ("roles", "roles", Many),
];

/// SCIM 2.0 (RFC 7643 §4.1, §4.3): attribute paths after the schema's URN. Attributes that SCIM's core and enterprise
/// schemas do not know, such as `email_verified`, are not mapped.
const SCIM: [(&str, &str, Values); 26] = [
    ("preferred_username", "userName", One),
    ("name", "displayName", One),
    ("given_name", "name.givenName", One),
    ("middle_name", "name.middleName", One),
    ("family_name", "name.familyName", One),
    ("nickname", "nickName", One),
    ("profile", "profileUrl", One),
    ("title", "title", One),
    ("locale", "locale", One),
    ("zoneinfo", "timezone", One),
    ("email", "emails", Many),
    ("phone_number", "phoneNumbers", Many),
    ("picture", "photos", Many),
    ("address", "addresses", Many),
    ("formatted", "addresses.formatted", One),
    ("street_address", "addresses.streetAddress", One),
    ("locality", "addresses.locality", One),
    ("region", "addresses.region", One),
    ("postal_code", "addresses.postalCode", One),
    ("country", "addresses.country", One),
    ("groups", "groups", Many),
    ("roles", "roles", Many),
    ("organization", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization", One),
    ("department", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", One),
    ("employee_number", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", One),
    ("manager", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", One),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_built_in_dialect_is_found_by_name_and_uri() {
        for name in Dialect::BUILT_IN {
            let dialect = Dialect::builtin(name).unwrap();
            assert_eq!(*dialect.name, *name);
            if !dialect.uri.is_empty() {
                assert_eq!(Dialect::builtin(&dialect.uri), Some(dialect.clone()));
                assert_eq!(Dialect::builtin(&format!("{}/", dialect.uri)), Some(dialect));
            }
        }
        assert_eq!(Dialect::builtin("saml"), None);
        assert_eq!(Dialect::builtin(""), None);
    }

    #[test]
    fn prefixes_are_those_of_the_contract() {
        let prefix = |name: &str| Dialect::builtin(name).unwrap().prefix;
        assert_eq!(&*prefix("wso2"), "http://wso2.org/claims/");
        assert_eq!(&*prefix("oidc"), "");
        assert_eq!(&*prefix("scim"), "urn:ietf:params:scim:schemas:core:2.0:User:");
        assert_eq!(&*prefix("none"), "");
        assert_eq!(Dialect::default_prefix("http://example.com/claims"), "http://example.com/claims/");
        assert_eq!(Dialect::default_prefix("http://example.com/claims/"), "http://example.com/claims/");
        assert_eq!(Dialect::default_prefix(""), "");
    }

    #[test]
    fn no_two_attributes_share_a_claim_and_no_attribute_is_mapped_twice() {
        for name in Dialect::BUILT_IN {
            let mappings = Dialect::builtin(name).unwrap().mappings;
            let claims: BTreeSet<&str> = mappings.iter().map(|mapping| &*mapping.claim).collect();
            let attributes: BTreeSet<_> = mappings.iter().map(|mapping| &mapping.attribute).collect();
            assert_eq!((claims.len(), attributes.len()), (mappings.len(), mappings.len()), "{name}");
        }
    }

    #[test]
    fn groups_and_roles_are_always_arrays() {
        for name in ["wso2", "oidc", "scim"] {
            let dialect = Dialect::builtin(name).unwrap();
            assert!(["groups", "roles"].iter().all(|attribute| dialect.mapping_of(attribute).unwrap().multi), "{name}");
        }
        let wso2 = Dialect::builtin("wso2").unwrap();
        assert_eq!(&*wso2.mapping_of("groups").unwrap().claim, "http://wso2.org/claims/role");
        assert_eq!(&*wso2.mapping_of("email").unwrap().claim, "http://wso2.org/claims/emailaddress");
    }
}
