//! Custom claims: a template and the type that its value is converted to.
//!
//! Constants are converted at load, everything else for each token. A value that cannot be converted fails the token:
//! it is never sent in another type than its author wrote.

use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use crate::{
    json::{Json, JsonError, Number},
    template::{Placeholder, ResolveError, Template, text_of},
};

/// The type of a custom claim's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CustomClaimType {
    /// `string`, the default; a value that is exactly one placeholder keeps its own type.
    String,
    /// `int`: a 32-bit integer.
    Int,
    /// `long`: a 64-bit integer.
    Long,
    /// `float`: any finite JSON number.
    Float,
    /// `bool`: `true` or `false`.
    Bool,
    /// `date`: RFC 3339 or a plain date, sent as written.
    Date,
    /// `json`: any JSON text.
    Json,
}

impl CustomClaimType {
    /// Every type, in the order in which messages list them.
    pub const ALL: [Self; 7] = [Self::String, Self::Int, Self::Long, Self::Float, Self::Bool, Self::Date, Self::Json];

    /// Returns the name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Json => "json",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "a 32-bit integer",
            Self::Long => "a 64-bit integer",
            Self::Float => "a finite number",
            Self::Bool => "`true` or `false`",
            Self::Date => "an RFC 3339 date or date-time",
            Self::Json => "JSON",
        }
    }
}

/// One `customClaims` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomClaim {
    /// The claim's name, as written: no prefix is added.
    pub claim: Box<str>,
    /// The value, compiled.
    pub value: Template,
    /// The type to convert it to.
    pub claim_type: CustomClaimType,
    /// True: an absent value is a rejection (403), not an absent claim.
    pub required: bool,
    /// The value when the template has no placeholder, converted at load.
    pub constant: Option<Json>,
}

/// Why a value is not of its claim's type. Never shows the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// Another type, or out of range.
    #[error("the value is not {}", .0.description())]
    Type(CustomClaimType),
    /// The template's text is no JSON, whatever its placeholders hold.
    #[error("the value is not JSON: {0}")]
    Json(#[from] JsonError),
    /// The template has no value.
    #[error(transparent)]
    Template(#[from] ResolveError),
}

impl CustomClaim {
    /// Converts a constant, at load.
    ///
    /// # Errors
    ///
    /// [`ConversionError`] when the text is not of that type.
    ///
    /// # Examples
    ///
    /// ```
    /// use claims::{CustomClaim, CustomClaimType, Json};
    ///
    /// assert_eq!(CustomClaim::constant("7", CustomClaimType::Int), Ok(Json::from(7_u64)));
    /// assert!(CustomClaim::constant("seven", CustomClaimType::Int).is_err());
    /// assert!(CustomClaim::constant("2024-02-30", CustomClaimType::Date).is_err());
    /// ```
    pub fn constant(value: &str, claim_type: CustomClaimType) -> Result<Json, ConversionError> {
        convert(Json::string(value), claim_type)
    }

    /// Checks what can be checked of a template before there are values: a `json` text must be JSON around its placeholders.
    ///
    /// # Errors
    ///
    /// [`ConversionError`] when no value could make it right.
    pub fn check(value: &Template, claim_type: CustomClaimType) -> Result<(), ConversionError> {
        match (value.as_constant(), value.as_single_placeholder(), claim_type) {
            (Some(text), _, _) => Self::constant(text, claim_type).map(drop),
            (None, None, CustomClaimType::Json) => json_of(value, |_| Some(Json::string(""))).map(drop),
            (None, _, _) => Ok(()),
        }
    }

    /// Resolves and converts the value. `None`: absent.
    pub(crate) fn resolve(
        &self,
        value_of: impl Fn(&Placeholder) -> Option<Json>,
    ) -> Result<Option<Json>, ConversionError> {
        if let Some(constant) = &self.constant {
            return Ok(Some(constant.clone()).filter(|value| *value != Json::Null));
        }
        let is_single = self.value.as_single_placeholder().is_some();
        let value = match self.claim_type {
            CustomClaimType::String if is_single => self.value.resolve(value_of)?,
            CustomClaimType::Json if !is_single => json_of(&self.value, value_of)?,
            claim_type => self.value.resolve(value_of)?.map(|value| convert(value, claim_type)).transpose()?,
        };
        Ok(value.filter(|value| *value != Json::Null))
    }
}

/// Resolves a JSON text with placeholders in it.
fn json_of(value: &Template, value_of: impl Fn(&Placeholder) -> Option<Json>) -> Result<Option<Json>, ConversionError> {
    let Some(text) = value.resolve_json_text(value_of)? else { return Ok(None) };
    Ok(Some(Json::parse(&text)?))
}

fn convert(value: Json, claim_type: CustomClaimType) -> Result<Json, ConversionError> {
    let refused = ConversionError::Type(claim_type);
    let text = || text_of(&value).ok_or_else(|| refused.clone());
    match claim_type {
        CustomClaimType::String => Ok(Json::string(text()?)),
        CustomClaimType::Int => {
            integer(&text()?).filter(|value| i32::try_from(*value).is_ok()).map(Json::from).ok_or(refused)
        }
        CustomClaimType::Long => integer(&text()?).map(Json::from).ok_or(refused),
        CustomClaimType::Float => finite(&text()?).map(Json::Number).ok_or(refused),
        CustomClaimType::Bool => match text()? {
            text if text.eq_ignore_ascii_case("true") => Ok(Json::Bool(true)),
            text if text.eq_ignore_ascii_case("false") => Ok(Json::Bool(false)),
            _ => Err(refused),
        },
        CustomClaimType::Date => match &value {
            Json::String(text) if is_date(text) => Ok(value),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
                Err(refused)
            }
        },
        CustomClaimType::Json => match &value {
            Json::String(text) => Ok(Json::parse(text.as_bytes())?),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => Ok(value),
        },
    }
}

fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Reads a number that a double can hold; its digits stay as written.
fn finite(text: &str) -> Option<Number> {
    let is_finite = text.parse::<f64>().is_ok_and(f64::is_finite);
    Number::parse(text).ok().filter(|_| is_finite)
}

/// True for an RFC 3339 `date-time` or `full-date` of the calendar.
fn is_date(text: &str) -> bool {
    let is_full_date = || text.len() == 10 && Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok();
    OffsetDateTime::parse(text, &Rfc3339).is_ok() || is_full_date()
}

#[cfg(test)]
mod tests {
    use CustomClaimType::{Bool, Date as DateType, Float, Int, Json as JsonType, Long, String as StringType};

    use super::*;

    fn check(claim_type: CustomClaimType, accepted: &[(&str, &str)], refused: &[&str]) {
        for (text, expected) in accepted {
            let value = CustomClaim::constant(text, claim_type).map(|value| value.to_string());
            assert_eq!(value.as_deref(), Ok(*expected), "{text}");
        }
        for text in refused {
            assert!(CustomClaim::constant(text, claim_type).is_err(), "{text}");
        }
    }

    #[test]
    fn constants_are_converted_to_their_type() {
        check(StringType, &[("", "\"\""), ("1", "\"1\"")], &[]);
        check(
            Int,
            &[("-2147483648", "-2147483648"), ("007", "7"), ("+5", "5")],
            &["2147483648", "1.0", "", "a", " 1", "1e3"],
        );
        check(Long, &[("9223372036854775807", "9223372036854775807")], &["9223372036854775808", "0x10"]);
        check(Float, &[("1", "1"), ("0.10", "0.10"), ("-1e-7", "-1e-7")], &["NaN", "inf", "1e400", ".5", "1,5", ""]);
        check(Bool, &[("true", "true"), ("False", "false")], &["1", "yes", ""]);
        check(JsonType, &[("{ \"a\": [1] }", r#"{"a":[1]}"#), ("null", "null")], &["{a:1}", "", r#"{"a":1,"a":2}"#]);
    }

    #[test]
    fn dates_are_of_the_calendar_and_stay_as_written() {
        let accepted = ["2024-02-29", "2024-01-31T10:20:30Z", "2024-01-31T10:20:30.5+02:00"];
        check(
            DateType,
            &accepted.map(|text| (text, &*format!("\"{text}\"").leak())),
            &[
                "2023-02-29",
                "2024-1-31",
                "31.01.2024",
                "2024-01-31T10:20:30",
                "2024-01-31T25:00:00Z",
                "today",
                "",
                "+024-01-01",
            ],
        );
    }

    fn resolve(text: &str, claim_type: CustomClaimType, value: &str) -> Result<Option<String>, ConversionError> {
        let template = Template::compile(text).unwrap();
        let claim = CustomClaim { claim: "x".into(), value: template, claim_type, required: false, constant: None };
        let value = Json::parse(value.as_bytes()).unwrap();
        Ok(claim.resolve(|_| Some(value.clone()))?.map(|value| value.to_string()))
    }

    #[test]
    fn a_single_placeholder_keeps_its_values_type_unless_another_is_named() {
        assert_eq!(resolve("${user.a}", StringType, "[7]"), Ok(Some("[7]".into())));
        assert_eq!(resolve("${user.a}", StringType, "12345678901234567890"), Ok(Some("12345678901234567890".into())));
        assert_eq!(resolve("${user.a}", Long, "\"7\""), Ok(Some("7".into())));
        assert_eq!(resolve("${user.a}", Bool, "true"), Ok(Some("true".into())));
        assert_eq!(resolve("${user.a}", Float, "1.50"), Ok(Some("1.50".into())));
        assert_eq!(resolve("${user.a}", JsonType, "\"{}\""), Ok(Some("{}".into())));
    }

    #[test]
    fn what_cannot_be_converted_is_an_error_and_never_another_type() {
        for (claim_type, value) in
            [(Int, "1.5"), (Int, "[1]"), (Long, "true"), (Bool, "1"), (DateType, "20240131"), (JsonType, "\"{\"")]
        {
            assert!(resolve("${user.a}", claim_type, value).is_err(), "{claim_type:?} {value}");
        }
        assert!(resolve("x${user.a}", StringType, "[1]").is_err());
    }

    #[test]
    fn no_value_adds_a_member_to_a_json_claim() {
        let text = r#"{"role":"user","name":"${user.a}","raw":${user.a}}"#;
        let attack = r#""x\",\"role\":\"admin""#;
        let expected = format!(r#"{{"role":"user","name":{attack},"raw":{attack}}}"#);
        assert_eq!(resolve(text, JsonType, attack), Ok(Some(expected)));
    }

    #[test]
    fn a_json_text_is_checked_before_there_are_values() {
        let check = |text: &str| CustomClaim::check(&Template::compile(text).unwrap(), JsonType);
        assert_eq!(check(r#"{"a":"${user.a}","b":${user.b}}"#), Ok(()));
        assert!(check(r#"{"a":${user.a}"#).is_err());
        assert!(check(r#"{"a":"\${user.a}"}"#).is_err());
    }
}
