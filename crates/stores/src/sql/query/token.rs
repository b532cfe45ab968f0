//! Where one token of SQL ends and the next begins, for each dialect: enough to tell parameters from everything else.

use super::QueryError;
use crate::sql::Dialect;

/// What a token is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Space or a comment.
    Nothing,
    /// A name or keyword.
    Word,
    /// `:name`, or a parameter in another form.
    Parameter,
    /// `;`
    End,
    /// Text, an operator, a number.
    Other,
}

/// Splits the first token off `text`, which begins with `first`.
pub(super) fn split(text: &str, first: char, dialect: Dialect) -> Result<(Kind, &str, &str), QueryError> {
    let (kind, length) = measure(text, first, dialect)?;
    let (token, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    Ok((kind, token, rest))
}

/// Returns what the first token is, and how many bytes it has.
fn measure(text: &str, first: char, dialect: Dialect) -> Result<(Kind, usize), QueryError> {
    use Dialect::{MySql, Postgres, Sqlite};
    let after = text.get(first.len_utf8()..).unwrap_or_default();
    Ok(match (first, dialect) {
        ('\0', _) => return Err(QueryError::Nul),
        (';', _) => (Kind::End, 1),
        ('/', _) if after.starts_with('*') => (Kind::Nothing, comment(text, dialect)?),
        ('-', MySql) if !after.starts_with("- ") && !after.starts_with("-\n") && !after.starts_with("-\t") => {
            (Kind::Other, 1)
        }
        ('-', _) if after.starts_with('-') => (Kind::Nothing, line(text)),
        ('#', MySql) => (Kind::Nothing, line(text)),
        ('\'' | '"', MySql) => (Kind::Other, escaped(text, first)?),
        ('\'' | '"', Sqlite | Postgres) | ('`', Sqlite | MySql) => (Kind::Other, quoted(text, first)?),
        ('e' | 'E', Postgres) if after.starts_with('\'') => (Kind::Other, 1 + escaped(after, '\'')?),
        ('[', Sqlite) => (Kind::Other, enclosed(text, "[", "]")?),
        ('$', Postgres) => match dollar_tag(text) {
            Some(tag) => (Kind::Other, enclosed(text, tag, tag)?),
            None => (Kind::Parameter, 1 + name_length(after)),
        },
        (':', _) if after.starts_with(':') => (Kind::Other, 2),
        // `array[1:2]`
        (':', Postgres) if !after.starts_with(|next| is_name(next) && !next.is_ascii_digit()) => (Kind::Other, 1),
        (':', _) if !after.starts_with(is_name) => (Kind::Other, 1),
        ('?' | '@', Postgres) => (Kind::Other, 1),
        (':' | '?' | '@', _) | ('$', Sqlite) => (Kind::Parameter, 1 + name_length(after)),
        _ if is_name(first) => (Kind::Word, name_length(text)),
        _ if first.is_whitespace() => (Kind::Nothing, first.len_utf8()),
        _ => (Kind::Other, first.len_utf8()),
    })
}

/// Returns the length of a comment to the end of the line.
fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// Returns the length of a `/* … */` comment; `PostgreSQL`'s may hold others.
fn comment(text: &str, dialect: Dialect) -> Result<usize, QueryError> {
    if dialect != Dialect::Postgres {
        return enclosed(text, "/*", "*/");
    }
    let (mut depth, mut place) = (0_usize, 0);
    while let Some(rest) = text.get(place..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        place += step;
        if depth == 0 {
            return Ok(place);
        }
    }
    Err(unclosed("/*"))
}

/// Returns the length of a quoted token. A doubled quote inside is two tokens for us, which comes to the same.
fn quoted(text: &str, quote: char) -> Result<usize, QueryError> {
    let inside = text.get(1..).unwrap_or_default();
    inside.find(quote).map(|end| end + 2).ok_or_else(|| unclosed(&quote.to_string()))
}

/// Returns the length of a quoted token in which a backslash takes the next character's meaning away.
fn escaped(text: &str, quote: char) -> Result<usize, QueryError> {
    let mut characters = text.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return Ok(place + 1);
        }
    }
    Err(unclosed(&quote.to_string()))
}

/// Returns the length of a token from `open` to the first `close` after it.
fn enclosed(text: &str, open: &str, close: &str) -> Result<usize, QueryError> {
    let inside = text.get(open.len()..).unwrap_or_default();
    let end = inside.find(close).ok_or_else(|| unclosed(open))?;
    Ok(open.len() + end + close.len())
}

/// Returns the `$tag$` that `text` begins with.
fn dollar_tag(text: &str) -> Option<&str> {
    let inside = text.get(1..)?;
    let end = inside.find('$')?;
    let name = inside.get(..end)?;
    let is_tag = name.chars().all(|character| is_name(character) && character != '$')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    is_tag.then(|| text.get(..end + 2)).flatten()
}

fn unclosed(open: &str) -> QueryError {
    QueryError::Unclosed(open.into())
}

/// Returns how many bytes of names `text` begins with.
fn name_length(text: &str) -> usize {
    text.find(|character| !is_name(character)).unwrap_or(text.len())
}

/// True for what goes into names of columns and of parameters alike.
fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
}
