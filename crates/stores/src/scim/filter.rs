//! SCIM filters (RFC 7644 §3.4.2.2): read at load, written for the server, or applied to the values of one attribute.

use std::fmt;

use claims::{Json, Object};

use super::{
    path::{AttributeName, member},
    reader::{Reader, ScimSyntaxError, ScimSyntaxProblem},
};

/// What stands for the user's name in a string.
pub(super) const USER: &str = "{user}";

/// How deep parentheses and brackets may lie in one another.
const MOST_DEPTH: usize = 16;

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// `attribute op value`
    Compare(AttributeName, Operator, Json),
    /// `attribute pr`
    Present(AttributeName),
    /// `attribute[filter]`
    Values(AttributeName, Box<Filter>),
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("eq", |(word, _)| word)
    }

    /// True for an order, which only the server knows.
    pub(super) const fn is_ordering(self) -> bool {
        match self {
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual => true,
            Self::Equal | Self::NotEqual | Self::Contains | Self::StartsWith | Self::EndsWith => false,
        }
    }
}

impl Filter {
    /// Reads a filter up to something that cannot be a part of it.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ScimSyntaxError> {
        Self::read_or(reader, 0)
    }

    fn read_or(reader: &mut Reader<'_>, depth: usize) -> Result<Self, ScimSyntaxError> {
        if depth > MOST_DEPTH {
            return Err(reader.complain(ScimSyntaxProblem::TooDeep));
        }
        let mut parts = vec![Self::read_and(reader, depth)?];
        while next_is(reader, "or") {
            parts.push(Self::read_and(reader, depth)?);
        }
        Ok(one_or(parts, Self::Or))
    }

    fn read_and(reader: &mut Reader<'_>, depth: usize) -> Result<Self, ScimSyntaxError> {
        let mut parts = vec![Self::read_one(reader, depth)?];
        while next_is(reader, "and") {
            parts.push(Self::read_one(reader, depth)?);
        }
        Ok(one_or(parts, Self::And))
    }

    fn read_one(reader: &mut Reader<'_>, depth: usize) -> Result<Self, ScimSyntaxError> {
        reader.skip_spaces();
        let is_not = reader.take_word("not");
        reader.skip_spaces();
        if reader.take('(') {
            let inner = Self::read_or(reader, depth + 1)?;
            reader.skip_spaces();
            if !reader.take(')') {
                return Err(reader.expected("`)`"));
            }
            return Ok(if is_not { Self::Not(Box::new(inner)) } else { inner });
        }
        if is_not {
            return Err(reader.expected("`(` after `not`"));
        }
        Self::read_comparison(reader, depth)
    }

    fn read_comparison(reader: &mut Reader<'_>, depth: usize) -> Result<Self, ScimSyntaxError> {
        let attribute = AttributeName::read(reader)?;
        if reader.take('[') {
            let inner = Self::read_or(reader, depth + 1)?;
            reader.skip_spaces();
            if !reader.take(']') {
                return Err(reader.expected("`]`"));
            }
            return Ok(Self::Values(attribute, Box::new(inner)));
        }
        reader.skip_spaces();
        if reader.take_word("pr") {
            return Ok(Self::Present(attribute));
        }
        let operator = Operator::ALL.iter().find(|(word, _)| reader.take_word(word)).map(|(_, operator)| *operator);
        let operator = operator.ok_or_else(|| reader.expected("`eq`, `ne`, `co`, `sw`, `ew` or `pr`"))?;
        reader.skip_spaces();
        Ok(Self::Compare(attribute, operator, reader.value()?))
    }

    /// Returns the filter for one user, to be written as a server reads it.
    pub(super) const fn for_user<'f>(&'f self, user: &'f str) -> Written<'f> {
        Written { filter: self, user }
    }

    /// True when one of an attribute's values fits; of a simple value, `value` is the value itself.
    pub(super) fn fits(&self, value: &Json) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.fits(value)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(value)),
            Self::Not(inner) => !inner.fits(value),
            Self::Compare(attribute, operator, expected) => {
                let found = attribute.of_value(value);
                match operator {
                    Operator::NotEqual => !found.iter().any(|found| Operator::Equal.holds(found, expected)),
                    _ => found.iter().any(|found| operator.holds(found, expected)),
                }
            }
            Self::Present(attribute) => !attribute.of_value(value).is_empty(),
            // There is nothing multi-valued within a value (RFC 7643 §2.3.8).
            Self::Values(..) => false,
        }
    }

    /// True when an ordering operator is somewhere in it.
    pub(super) fn has_ordering(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_ordering),
            Self::Not(inner) | Self::Values(_, inner) => inner.has_ordering(),
            Self::Compare(_, operator, _) => operator.is_ordering(),
            Self::Present(_) => false,
        }
    }
}

/// A filter with the user's name in its strings.
pub(super) struct Written<'f> {
    filter: &'f Filter,
    user: &'f str,
}

impl Written<'_> {
    fn write_all(&self, parts: &[Filter], between: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in parts.iter().enumerate() {
            f.write_str(if number > 0 { between } else { "" })?;
            let part = part.for_user(self.user);
            match part.filter {
                // `and` binds before `or`; parentheses that are not needed do no harm.
                Filter::And(_) | Filter::Or(_) => write!(f, "({part})")?,
                Filter::Not(_) | Filter::Compare(..) | Filter::Present(_) | Filter::Values(..) => write!(f, "{part}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.filter {
            Filter::And(parts) => self.write_all(parts, " and ", f),
            Filter::Or(parts) => self.write_all(parts, " or ", f),
            Filter::Not(inner) => write!(f, "not ({})", inner.for_user(self.user)),
            Filter::Compare(attribute, operator, Json::String(template)) => {
                let text = Json::string(template.replace(USER, self.user));
                write!(f, "{attribute} {} {text}", operator.word())
            }
            Filter::Compare(attribute, operator, value) => write!(f, "{attribute} {} {value}", operator.word()),
            Filter::Present(attribute) => write!(f, "{attribute} pr"),
            Filter::Values(attribute, inner) => write!(f, "{attribute}[{}]", inner.for_user(self.user)),
        }
    }
}

impl Operator {
    /// Compares; texts without regard to the case of ASCII letters, as `type`, `display` and the like are (RFC 7643 §2.2).
    fn holds(self, found: &Json, expected: &Json) -> bool {
        let (Some(found), Some(expected)) = (found.as_str(), expected.as_str()) else {
            return self == Self::Equal && found == expected;
        };
        let (found, expected) = (found.to_ascii_lowercase(), expected.to_ascii_lowercase());
        match self {
            Self::Equal => found == expected,
            Self::Contains => found.contains(&expected),
            Self::StartsWith => found.starts_with(&expected),
            Self::EndsWith => found.ends_with(&expected),
            // The first is the caller's to turn round, the others are refused at load.
            Self::NotEqual | Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual => false,
        }
    }
}

impl AttributeName {
    /// Returns the values of this sub-attribute in one value of a multi-valued attribute.
    fn of_value(&self, value: &Json) -> Vec<Json> {
        match value {
            Json::Object(object) => self.of_object(object),
            Json::Null => Vec::new(),
            Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                if self.name.eq_ignore_ascii_case("value") { vec![value.clone()] } else { Vec::new() }
            }
        }
    }

    fn of_object(&self, object: &Object) -> Vec<Json> {
        // Two members that differ by case only were refused when the answer was read.
        let found = member(object, &self.name).cloned();
        found.filter(|found| *found != Json::Null).into_iter().collect()
    }
}

/// Takes ` and ` or ` or `, if it is next.
fn next_is(reader: &mut Reader<'_>, word: &str) -> bool {
    let mut ahead = *reader;
    ahead.skip_spaces();
    let is_next = ahead.take_word(word);
    if is_next {
        *reader = ahead;
    }
    is_next
}

fn one_or(mut parts: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}
