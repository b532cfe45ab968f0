//! The operator's `filter`: how the server finds a user by his name.
//!
//! Read once, at load. The name only ever goes into a string of the filter, escaped as JSON is (RFC 7644 §3.4.2.2): it
//! cannot end the string, and nothing of it is read as a filter.

use claims::{Json, Object};

use super::{
    filter::{Filter, Operator, USER},
    path::{AttributeName, ScimPath},
    reader::{Reader, ScimSyntaxError, ScimSyntaxProblem},
};

/// A filter with the user's name left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTemplate {
    filter: Filter,
    compared: Vec<Comparison>,
}

/// An attribute that must equal the name, or a text with the name in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparison {
    path: ScimPath,
    template: Box<str>,
}

/// Whether what a server found is spelled as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// To the letter.
    Exact,
    /// Otherwise.
    Other,
    /// The answer does not have what was compared.
    Unknown,
}

impl FilterTemplate {
    /// Reads a filter such as `userName eq "{user}"`.
    ///
    /// # Errors
    ///
    /// [`ScimSyntaxError`], with the place: no filter, or none with `{user}` in a string.
    pub fn parse(text: &str) -> Result<Self, ScimSyntaxError> {
        let mut reader = Reader::new(text);
        let start = reader;
        let filter = Filter::read(&mut reader)?;
        reader.end()?;
        if !has_user(&filter) {
            return Err(start.complain(ScimSyntaxProblem::NoUser));
        }
        let mut compared = Vec::new();
        collect(&filter, None, &mut compared);
        Ok(Self { filter, compared })
    }

    /// Makes sure that the name is compared as a whole somewhere, so that the spelling of a match can be looked at.
    ///
    /// # Errors
    ///
    /// [`ScimSyntaxProblem::NoExact`] otherwise.
    pub fn require_exact(&self) -> Result<(), ScimSyntaxError> {
        let problem = ScimSyntaxProblem::NoExact;
        if self.compared.is_empty() { Err(ScimSyntaxError { at: 1, problem }) } else { Ok(()) }
    }

    /// Returns the filter for one user.
    pub(super) fn filter(&self, user: &str) -> String {
        self.filter.for_user(user).to_string()
    }

    /// Returns the paths to what is compared with the name.
    pub(super) fn compared(&self) -> impl Iterator<Item = &ScimPath> {
        self.compared.iter().map(|comparison| &comparison.path)
    }

    /// Looks how the user that the server found is spelled.
    pub(super) fn spelling(&self, found: &Object, user: &str) -> Spelling {
        let mut spelling = Spelling::Unknown;
        for Comparison { path, template } in &self.compared {
            let expected = template.replace(USER, user);
            for value in path.select(found) {
                if value.as_str() == Some(&*expected) {
                    return Spelling::Exact;
                }
                spelling = Spelling::Other;
            }
        }
        spelling
    }
}

fn has_user(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(has_user),
        Filter::Not(inner) | Filter::Values(_, inner) => has_user(inner),
        Filter::Compare(_, _, Json::String(template)) => template.contains(USER),
        Filter::Compare(..) | Filter::Present(_) => false,
    }
}

/// Collects the comparisons by `eq` with the name, but those under `not`.
fn collect(filter: &Filter, within: Option<&AttributeName>, compared: &mut Vec<Comparison>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| collect(part, within, compared)),
        Filter::Values(attribute, inner) => collect(inner, Some(attribute), compared),
        Filter::Compare(attribute, Operator::Equal, Json::String(template)) if template.contains(USER) => {
            let path = ScimPath::of_comparison(attribute, within);
            compared.push(Comparison { path, template: template.clone() });
        }
        Filter::Compare(..) | Filter::Present(_) | Filter::Not(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(template: &str, user: &str, expected: &str) {
        assert_eq!(FilterTemplate::parse(template).unwrap().filter(user), expected, "{template}");
    }

    #[test]
    fn the_name_goes_into_the_string_and_nowhere_else() {
        check(r#"userName eq "{user}""#, "alice", r#"userName eq "alice""#);
        check(r#"userName eq "{user}""#, r#"x" or userName sw ""#, r#"userName eq "x\" or userName sw \"""#);
        check(r#"userName eq "{user}""#, "a\\", r#"userName eq "a\\""#);
        check(r#"userName eq "{user}""#, "{user}", r#"userName eq "{user}""#);
        check(r#"userName EQ "CORP\\{user}" AND active eq true"#, "al", r#"userName eq "CORP\\al" and active eq true"#);
        check(
            r#"(a eq "{user}" or emails[type eq "work" and value eq "{user}"]) and not (b pr)"#,
            "x",
            r#"(a eq "x" or emails[type eq "work" and value eq "x"]) and not (b pr)"#,
        );
        check(r#"urn:x:2.0:User:n ge "{user}" and b lt 5.0"#, "x", r#"urn:x:2.0:User:n ge "x" and b lt 5.0"#);
    }

    #[test]
    fn a_filter_without_the_user_or_with_him_elsewhere_is_refused() {
        let check = |template: &str, expected: &str| {
            assert_eq!(FilterTemplate::parse(template).unwrap_err().to_string(), expected, "{template}");
        };
        check("userName pr", "at character 1: the filter has no `{user}` in a quoted text");
        check(
            "userName eq {user}",
            "at character 13: expected a text in double quotes, a number, `true`, `false` or `null`",
        );
        check("{user} eq \"x\"", "at character 1: expected the name of an attribute");
        check("userName eq \"{user}", "at character 13: expected the closing double quote");
        check("userName eq \"{user}\" xor a pr", "at character 22: more than expected");
    }

    #[test]
    fn only_a_whole_comparison_can_be_checked_to_the_letter() {
        let is_exact = |template: &str| FilterTemplate::parse(template).unwrap().require_exact().is_ok();
        assert!(is_exact("userName eq \"{user}\"") && is_exact("emails[value eq \"{user}\"]"));
        assert!(!is_exact("userName sw \"{user}\"") && !is_exact("not (userName eq \"{user}\")"));
    }

    #[test]
    fn the_spelling_of_a_match_is_looked_at() {
        let check = |template: &str, found: &str, expected: Spelling| {
            let found = Json::parse(found.as_bytes()).unwrap();
            let template = FilterTemplate::parse(template).unwrap();
            assert_eq!(template.spelling(found.as_object().unwrap(), "alice"), expected, "{found}");
        };
        let name = "userName eq \"{user}\"";
        check(name, r#"{"username":"alice"}"#, Spelling::Exact);
        check(name, r#"{"userName":"Alice"}"#, Spelling::Other);
        check(name, r#"{"id":"alice"}"#, Spelling::Unknown);
        check("emails[value eq \"{user}\"]", r#"{"emails":[{"value":"x"},{"value":"alice"}]}"#, Spelling::Exact);
        check("userName eq \"CORP\\\\{user}\"", r#"{"userName":"CORP\\alice"}"#, Spelling::Exact);
        check("a eq \"{user}\" or b eq \"{user}\"", r#"{"a":"Alice","b":"alice"}"#, Spelling::Exact);
    }

    proptest! {
        #[test]
        fn whatever_the_name_the_filter_has_the_one_string_more(user in any::<String>()) {
            let written = FilterTemplate::parse(r#"userName eq "{user}""#).unwrap().filter(&user);
            let mut reader = Reader::new(&written);
            let filter = Filter::read(&mut reader).unwrap();
            prop_assert!(reader.end().is_ok());
            let name = AttributeName { schema: None, name: "userName".into(), sub_attribute: None };
            prop_assert_eq!(filter, Filter::Compare(name, Operator::Equal, Json::string(user)));
        }
    }
}
