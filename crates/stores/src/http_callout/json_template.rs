//! The operator's JSON body, with the user's name in some of its strings. It is filled in as a value and written anew, so
//! that no name can end a string.

use claims::{Json, JsonError, Object};

use super::url_template::USER;

/// A JSON value with the user's name left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonTemplate {
    json: Json,
    has_user: bool,
}

impl JsonTemplate {
    /// Reads a body; the names of members are taken as they are.
    ///
    /// # Errors
    ///
    /// [`JsonError`]: no acceptable JSON.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let json = Json::parse(text.as_bytes())?;
        let has_user = filled(&json, "") != json;
        Ok(Self { json, has_user })
    }

    /// True when the user's name is in it.
    pub const fn has_user(&self) -> bool {
        self.has_user
    }

    /// Returns the body for one user.
    pub(super) fn fill(&self, user: &str) -> Vec<u8> {
        filled(&self.json, user).to_string().into_bytes()
    }
}

fn filled(json: &Json, user: &str) -> Json {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => json.clone(),
        Json::String(text) => Json::string(text.replace(USER, user)),
        Json::Array(values) => Json::Array(values.iter().map(|value| filled(value, user)).collect()),
        Json::Object(members) => {
            let mut object = Object::default();
            members.iter().for_each(|(name, value)| object.insert(name, filled(value, user)));
            Json::Object(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_goes_into_strings_and_cannot_end_them() {
        let template = JsonTemplate::parse(r#"{"who":"{user}","how":["CORP\\{user}",1,null],"{user}":true}"#).unwrap();
        assert!(template.has_user());
        let check = |user: &str, expected: &str| {
            assert_eq!(String::from_utf8(template.fill(user)).unwrap(), expected, "{user}");
        };
        check("alice", r#"{"who":"alice","how":["CORP\\alice",1,null],"{user}":true}"#);
        check("a\",\"b\":\"\\", r#"{"who":"a\",\"b\":\"\\","how":["CORP\\a\",\"b\":\"\\",1,null],"{user}":true}"#);
        assert!(!JsonTemplate::parse(r#"{"{user}":1}"#).unwrap().has_user());
        assert!(JsonTemplate::parse("{user}").is_err());
    }
}
