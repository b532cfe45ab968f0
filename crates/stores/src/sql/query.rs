//! The operator's SQL: named parameters are found and become bound ones. Nothing is ever spliced into the text.
//!
//! Reads `SQLite`'s tokens (quotes, comments, identifiers) closely enough to know what is a parameter and what is not; it
//! does not check the SQL. The one module that vouches for a statement's text: it comes from configuration only.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The one parameter: the user's name.
const USER: &str = "user";

/// What the parameter becomes: the first bound value, however often it occurs.
const PLACEHOLDER: &str = "?1";

/// One of the operator's queries, with `:user` bound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query(Arc<str>);

/// Why a query is not acceptable: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A parameter that the gateway does not know.
    #[error("unknown parameter `{0}`; the only one is `:user`")]
    UnknownParameter(Box<str>),
    /// Without the user's name, everybody would get the same answer.
    #[error("the query does not use `:user`")]
    NoUser,
    /// More than one statement.
    #[error("more than one statement")]
    SeveralStatements,
    /// Something other than a question.
    #[error("not a SELECT")]
    NotSelect,
    /// A quote or comment has no end.
    #[error("`{0}` is never closed")]
    Unclosed(Box<str>),
    /// A NUL, at which the database would stop reading.
    #[error("a NUL character")]
    Nul,
}

impl Query {
    /// Reads a query.
    ///
    /// `:user` may occur any number of times. Quoted text, comments and `::` are left alone.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: any other parameter in any of `SQLite`'s forms, no `:user`, several statements, no SELECT.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut reader = Reader::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (token, after) = split_token(rest, first)?;
            reader.take(token, first)?;
            rest = after;
        }
        reader.finish()
    }

    /// Returns the statement, to bind one value to.
    pub(super) fn statement(&self) -> SqlStr {
        AssertSqlSafe(Arc::clone(&self.0)).into_sql_str()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    sql: String,
    has_user: bool,
    place: Place,
}

/// Where in the text the reader is.
#[derive(Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Within,
    Behind,
}

impl Reader {
    /// Takes one token.
    fn take(&mut self, token: &str, first: char) -> Result<(), QueryError> {
        if first.is_whitespace() || token.starts_with("--") || token.starts_with("/*") {
            self.sql.push_str(token);
            return Ok(());
        }
        match self.place {
            Place::Before if is_select(token) => self.place = Place::Within,
            Place::Before => return Err(QueryError::NotSelect),
            Place::Within => {}
            Place::Behind => return Err(QueryError::SeveralStatements),
        }
        match first {
            '\0' => return Err(QueryError::Nul),
            ';' => self.place = Place::Behind,
            ':' if token == "::" || token == ":" => self.sql.push_str(token),
            ':' if token.strip_prefix(':') == Some(USER) => {
                self.has_user = true;
                self.sql.push_str(PLACEHOLDER);
            }
            ':' | '?' | '@' | '$' => return Err(QueryError::UnknownParameter(token.into())),
            _ => self.sql.push_str(token),
        }
        Ok(())
    }

    /// Ends the query.
    fn finish(self) -> Result<Query, QueryError> {
        if self.place == Place::Before {
            return Err(QueryError::NotSelect);
        }
        if !self.has_user {
            return Err(QueryError::NoUser);
        }
        Ok(Query(self.sql.into()))
    }
}

/// True for the words that begin a question.
fn is_select(token: &str) -> bool {
    ["SELECT", "WITH", "VALUES"].iter().any(|word| token.eq_ignore_ascii_case(word))
}

/// Splits the first token off `text`, which begins with `first`.
fn split_token(text: &str, first: char) -> Result<(&str, &str), QueryError> {
    let length = match first {
        '\'' | '"' | '`' => quoted(text, first)?,
        '[' => enclosed(text, "[", "]")?,
        '/' if text.starts_with("/*") => enclosed(text, "/*", "*/")?,
        '-' if text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
        ':' if text.starts_with("::") => 2,
        ':' | '?' | '@' | '$' => 1 + name_length(text.get(1..).unwrap_or_default()),
        _ if is_name(first) => name_length(text),
        _ => first.len_utf8(),
    };
    Ok(text.split_at_checked(length).unwrap_or((text, "")))
}

/// Returns the length of a quoted token. A doubled quote inside is two tokens for us, which comes to the same.
fn quoted(text: &str, quote: char) -> Result<usize, QueryError> {
    let inside = text.get(1..).unwrap_or_default();
    inside.find(quote).map(|end| end + 2).ok_or_else(|| QueryError::Unclosed(quote.to_string().into()))
}

/// Returns the length of a token from `open` to the first `close`.
fn enclosed(text: &str, open: &str, close: &str) -> Result<usize, QueryError> {
    let inside = text.get(open.len()..).unwrap_or_default();
    let end = inside.find(close).ok_or_else(|| QueryError::Unclosed(open.into()))?;
    Ok(open.len() + end + close.len())
}

/// Returns how many bytes of names `text` begins with.
fn name_length(text: &str) -> usize {
    text.find(|character| !is_name(character)).unwrap_or(text.len())
}

/// True for what `SQLite` takes into names of columns and of parameters alike.
fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, QueryError>) {
        assert_eq!(Query::parse(text), expected.map(|sql| Query(sql.into())), "{text}");
    }

    #[test]
    fn the_user_is_bound_wherever_it_occurs() {
        check("SELECT a FROM t WHERE u = :user", Ok("SELECT a FROM t WHERE u = ?1"));
        check("select a from t where u=:user or v=(:user)", Ok("select a from t where u=?1 or v=(?1)"));
        check("WITH x AS (SELECT :user) SELECT * FROM x;", Ok("WITH x AS (SELECT ?1) SELECT * FROM x"));
        check("-- who\nVALUES(:user) ; -- end", Ok("-- who\nVALUES(?1)  -- end"));
    }

    #[test]
    fn quoted_text_comments_and_casts_hold_no_parameters() {
        let sql = "SELECT ':x', \"?\", `$a`, [@b], 'it''s :y', a::text, é$1 /* :z */ FROM t -- :w ;\n WHERE u = ";
        check(&format!("{sql}:user"), Ok(&format!("{sql}?1")));
    }

    #[test]
    fn any_other_parameter_is_refused() {
        for parameter in [":User", ":id", ":user_id", ":useré", ":1", "?", "?1", "@user", "$user", "$1"] {
            let expected = Err(QueryError::UnknownParameter(parameter.into()));
            check(&format!("SELECT a FROM t WHERE u = :user AND v = {parameter}"), expected);
        }
    }

    #[test]
    fn a_query_without_the_user_is_refused() {
        check("SELECT a FROM t", Err(QueryError::NoUser));
        check("SELECT ':user' -- :user", Err(QueryError::NoUser));
    }

    #[test]
    fn only_one_select_is_accepted() {
        check("SELECT :user; DELETE FROM t", Err(QueryError::SeveralStatements));
        check("SELECT :user;;", Err(QueryError::SeveralStatements));
        check("DELETE FROM t WHERE u = :user", Err(QueryError::NotSelect));
        check("PRAGMA x", Err(QueryError::NotSelect));
        check(" /* nothing */ ", Err(QueryError::NotSelect));
    }

    #[test]
    fn what_never_ends_is_refused() {
        check("SELECT :user, 'a", Err(QueryError::Unclosed("'".into())));
        check("SELECT :user, [a", Err(QueryError::Unclosed("[".into())));
        check("SELECT :user /* a", Err(QueryError::Unclosed("/*".into())));
        check("SELECT :user, 'it''s", Err(QueryError::Unclosed("'".into())));
        check("SELECT :user \0", Err(QueryError::Nul));
    }
}
