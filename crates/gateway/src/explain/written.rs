//! A question as JSON: what a command sends to a running gateway's admin listener.

use claims::{Json, JsonError, Object};

use super::{AskedCaller, Question};

/// A question that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenQuestion {
    api: Box<str>,
    operation: Box<str>,
    caller: WrittenCaller,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WrittenCaller {
    User { user: Box<str>, issuer: Option<Box<str>> },
    Token(Box<str>),
}

/// Why a JSON text is no question: whoever asks must write another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrittenQuestionError {
    /// Not JSON.
    #[error("the question is not valid JSON")]
    Json(#[from] JsonError),
    /// A member is missing, is not text, or is one too many.
    #[error(
        "a question is an object of texts: `api`, `operation`, and either `token` or `user`, with or without `issuer`"
    )]
    Shape,
}

impl WrittenQuestion {
    /// Reads `{"api", "operation", "user", "issuer"?}` or `{"api", "operation", "token"}`.
    ///
    /// # Errors
    ///
    /// [`WrittenQuestionError`]. The token is not in its text.
    pub fn parse(json: &[u8]) -> Result<Self, WrittenQuestionError> {
        let json = Json::parse(json)?;
        let object = json.as_object().ok_or(WrittenQuestionError::Shape)?;
        let text = |name: &str| object.get(name).and_then(Json::as_str).map(Box::<str>::from);
        let known = ["api", "operation", "user", "issuer", "token"];
        let is_sound = object.iter().all(|(name, value)| known.contains(&name) && value.as_str().is_some());
        let caller = match (text("user"), text("issuer"), text("token")) {
            (Some(user), issuer, None) => Some(WrittenCaller::User { user, issuer }),
            (None, None, Some(token)) => Some(WrittenCaller::Token(token)),
            (Some(_) | None, _, _) => None,
        };
        match (text("api"), text("operation"), caller) {
            (Some(api), Some(operation), Some(caller)) if is_sound => Ok(Self { api, operation, caller }),
            _ => Err(WrittenQuestionError::Shape),
        }
    }

    /// Returns the question.
    pub fn question(&self) -> Question<'_> {
        let caller = match &self.caller {
            WrittenCaller::User { user, issuer } => AskedCaller::User { user, issuer: issuer.as_deref() },
            WrittenCaller::Token(token) => AskedCaller::Token(token),
        };
        Question { api: &self.api, operation: &self.operation, caller }
    }
}

impl Question<'_> {
    /// Returns the question as JSON, for [`WrittenQuestion::parse`].
    pub fn to_json(&self) -> Json {
        let mut object = Object::default();
        object.insert("api", Json::string(self.api));
        object.insert("operation", Json::string(self.operation));
        match self.caller {
            AskedCaller::User { user, issuer } => {
                object.insert("user", Json::string(user));
                if let Some(issuer) = issuer {
                    object.insert("issuer", Json::string(issuer));
                }
            }
            AskedCaller::Token(token) => object.insert("token", Json::string(token)),
        }
        Json::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, is_question: bool) {
        let written = WrittenQuestion::parse(json.as_bytes());
        assert_eq!(written.is_ok(), is_question, "{json}");
        if let Ok(written) = written {
            let again = written.question().to_json().to_string();
            assert_eq!(WrittenQuestion::parse(again.as_bytes()), Ok(written), "{json}");
        }
    }

    #[test]
    fn a_question_names_an_api_an_operation_and_one_caller() {
        check(r#"{"api":"a","operation":"GET /","user":"u"}"#, true);
        check(r#"{"api":"a","operation":"GET /","user":"u","issuer":"i"}"#, true);
        check(r#"{"api":"a","operation":"GET /","token":"t"}"#, true);
        check(r#"{"api":"a","operation":"GET /"}"#, false);
        check(r#"{"api":"a","operation":"GET /","user":"u","token":"t"}"#, false);
        check(r#"{"api":"a","operation":"GET /","issuer":"i","token":"t"}"#, false);
        check(r#"{"api":"a","operation":"GET /","user":7}"#, false);
        check(r#"{"api":"a","operation":"GET /","user":"u","live":"yes"}"#, false);
        check("[]", false);
        check("{", false);
    }
}
