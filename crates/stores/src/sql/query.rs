//! The operator's SQL: named parameters are found and become bound ones. Nothing is ever spliced into the text.
//!
//! Reads each dialect's tokens (quotes, comments, identifiers) closely enough to know what is a parameter and what is
//! not; it does not check the SQL. The one module that vouches for a statement's text: it comes from configuration only.

mod token;

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use self::token::Kind;
use super::Dialect;

/// The one parameter: the user's name.
const USER: &str = ":user";

/// One of the operator's queries, with `:user` bound.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    sql: Arc<str>,
    /// As the operator wrote it.
    written: Arc<str>,
    /// How often the parameter occurs.
    users: usize,
}

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
    /// Reads a query of a dialect.
    ///
    /// `:user` may occur any number of times. Quoted text, comments, `::` and `PostgreSQL`'s operators are left alone.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: any other parameter in any of the dialect's forms, no `:user`, several statements, no SELECT.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, QueryError> {
        let mut reader = Reader::new(dialect);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (kind, token, after) = token::split(rest, first, dialect)?;
            reader.take(kind, token)?;
            rest = after;
        }
        reader.finish(text)
    }

    /// Returns the statement.
    pub(super) fn statement(&self) -> SqlStr {
        AssertSqlSafe(Arc::clone(&self.sql)).into_sql_str()
    }

    /// Returns the query as the operator wrote it.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// Returns how often the user is to be bound where each occurrence counts.
    pub(super) const fn users(&self) -> usize {
        self.users
    }
}

/// What has been read so far.
struct Reader {
    dialect: Dialect,
    sql: String,
    users: usize,
    place: Place,
}

/// Where in the text the reader is.
#[derive(PartialEq, Eq)]
enum Place {
    Before,
    Within,
    Behind,
}

impl Reader {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, sql: String::new(), users: 0, place: Place::Before }
    }

    /// Takes one token.
    fn take(&mut self, kind: Kind, token: &str) -> Result<(), QueryError> {
        if kind == Kind::Nothing {
            self.sql.push_str(token);
            return Ok(());
        }
        match self.place {
            Place::Before if is_select(token) => self.place = Place::Within,
            Place::Before => return Err(QueryError::NotSelect),
            Place::Within => {}
            Place::Behind => return Err(QueryError::SeveralStatements),
        }
        match kind {
            Kind::End => self.place = Place::Behind,
            Kind::Parameter if token == USER => {
                self.users += 1;
                self.sql.push_str(self.dialect.placeholder());
            }
            Kind::Parameter => return Err(QueryError::UnknownParameter(token.into())),
            Kind::Nothing | Kind::Word | Kind::Other => self.sql.push_str(token),
        }
        Ok(())
    }

    /// Ends the query.
    fn finish(self, written: &str) -> Result<Query, QueryError> {
        if self.place == Place::Before {
            return Err(QueryError::NotSelect);
        }
        if self.users == 0 {
            return Err(QueryError::NoUser);
        }
        Ok(Query { sql: self.sql.into(), written: written.into(), users: self.users })
    }
}

/// True for the words that begin a question.
fn is_select(token: &str) -> bool {
    ["SELECT", "WITH", "VALUES"].iter().any(|word| token.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::{
        Dialect::{MySql, Postgres, Sqlite},
        *,
    };

    fn check_in(dialect: Dialect, text: &str, expected: Result<&str, QueryError>) {
        let parsed = Query::parse(text, dialect).map(|query| query.sql);
        assert_eq!(parsed, expected.map(Arc::from), "{text}");
    }

    fn check(text: &str, expected: Result<&str, QueryError>) {
        check_in(Sqlite, text, expected);
    }

    #[test]
    fn the_user_is_bound_wherever_it_occurs() {
        check("SELECT a FROM t WHERE u = :user", Ok("SELECT a FROM t WHERE u = ?1"));
        check("select a from t where u=:user or v=(:user)", Ok("select a from t where u=?1 or v=(?1)"));
        check("WITH x AS (SELECT :user) SELECT * FROM x;", Ok("WITH x AS (SELECT ?1) SELECT * FROM x"));
        check("-- who\nVALUES(:user) ; -- end", Ok("-- who\nVALUES(?1)  -- end"));
        check_in(Postgres, "SELECT :user, :user", Ok("SELECT $1, $1"));
        check_in(MySql, "SELECT :user, :user", Ok("SELECT ?, ?"));
        assert_eq!(Query::parse("SELECT :user, :user", MySql).unwrap().users(), 2);
    }

    #[test]
    fn quoted_text_comments_and_casts_hold_no_parameters() {
        let sql = "SELECT ':x', \"?\", `$a`, [@b], 'it''s :y', a::text, é$1 /* :z */ FROM t -- :w ;\n WHERE u = ";
        check(&format!("{sql}:user"), Ok(&format!("{sql}?1")));
    }

    #[test]
    fn postgresql_is_read_as_it_reads_itself() {
        let sql = r"SELECT E'it\'s :x', $$ :y ' $$, $t$ :z $$ $t$, a[1:2], b ? 'c', d @> e, '\', f::text
                    /* /* :w */ :v */ FROM t WHERE u = ";
        check_in(Postgres, &format!("{sql}:user"), Ok(&format!("{sql}$1")));
        check_in(Postgres, "SELECT :user, $1", Err(QueryError::UnknownParameter("$1".into())));
        check_in(Postgres, "SELECT :user /* /* */", Err(QueryError::Unclosed("/*".into())));
        check_in(Postgres, "SELECT :user, $a$ b $$", Err(QueryError::Unclosed("$a$".into())));
    }

    #[test]
    fn mysql_is_read_as_it_reads_itself() {
        let sql = "SELECT 'it\\'s :x', \"\\\":y\", `:z`, 1--2 # :w\n, 3 -- :v\n FROM t WHERE u = ";
        check_in(MySql, &format!("{sql}:user"), Ok(&format!("{sql}?")));
        check_in(MySql, "SELECT 1--:user", Ok("SELECT 1--?"));
        for parameter in ["?", "@who", "@@version", ":id"] {
            let text = format!("SELECT :user, {parameter}");
            assert!(matches!(Query::parse(&text, MySql), Err(QueryError::UnknownParameter(_))), "{text}");
        }
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
