//! Reads scalars: text, booleans, numbers, durations, sizes, paths, addresses, words.
//!
//! Strict about types, as the core schema resolves them: `123` is no text and `"true"` no boolean. [`Literal`] alone
//! takes every scalar as it is written.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use claims::{Algorithm, Encoding};
use ipnet::IpNet;
use serde_json::json;
use url::Url;

use super::{Binder, Literal, Mistake, ScalarShape, Shape, Value, WebUrl, form::list, nearest};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode},
    units::{Bytes, DurationError, Lifetime, Timestamp, parse_duration},
    yaml::{Node, NodeKind, Resolved, Scalar, shorten},
};

/// Reads a scalar. `None`: wrong, and reported.
pub(super) fn bind_scalar<T>(shape: &ScalarShape<T>, node: &Node, binder: &mut Binder) -> Option<T> {
    let NodeKind::Scalar(scalar) = &node.kind else {
        binder.wrong_type(shape.expected, node);
        return None;
    };
    match (shape.read)(scalar, binder) {
        Ok(value) => Some(value),
        Err(mistake) => {
            report(mistake, shape.expected, node, binder);
            None
        }
    }
}

fn report(mistake: Mistake, expected: &str, node: &Node, binder: &mut Binder) {
    let wrong = format!("{} must be {expected}, not {}", binder.subject(), node.describe());
    let (code, message, hint) = match mistake {
        Mistake::WrongType => (DiagnosticCode::WrongType, wrong, None),
        Mistake::WrongTypeHint(hint) => (DiagnosticCode::WrongType, wrong, Some(hint)),
        Mistake::Invalid(reason) => (DiagnosticCode::InvalidValue, reason, None),
        Mistake::InvalidHint(reason, hint) => (DiagnosticCode::InvalidValue, reason, Some(hint)),
    };
    let message = match code {
        DiagnosticCode::InvalidValue => format!("{}: {message}", binder.subject()),
        _ => message,
    };
    let diagnostic = Diagnostic::error(code, &binder.span(node.place), message);
    binder.push(Diagnostic { hint, ..diagnostic });
}

/// Reads one of a few words. `None`: wrong, and reported.
pub(super) fn bind_word<T: Clone>(words: &'static [(&'static str, T)], node: &Node, binder: &mut Binder) -> Option<T> {
    let known: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
    let NodeKind::Scalar(scalar) = &node.kind else {
        binder.wrong_type(&format!("one of {}", list(&known)), node);
        return None;
    };
    let found = words.iter().find(|(word, _)| *word == scalar.text).map(|(_, value)| value.clone());
    if found.is_none() {
        let message = format!("{} must be one of {}, not {}", binder.subject(), list(&known), node.describe());
        let hint = nearest(&scalar.text, known).map(|word| format!("did you mean `{word}`?"));
        let diagnostic = Diagnostic::error(DiagnosticCode::InvalidValue, &binder.span(node.place), message);
        binder.push(Diagnostic { hint, ..diagnostic });
    }
    found
}

/// Returns the text of a scalar that is text.
fn text(scalar: &Scalar) -> Result<&str, Mistake> {
    match scalar.resolve() {
        Resolved::Text(text) => Ok(text),
        Resolved::Null => Err(Mistake::WrongTypeHint("give it a value, or take the line out".to_owned())),
        Resolved::Bool(_) | Resolved::Integer(_) | Resolved::Float(_) => {
            Err(Mistake::WrongTypeHint(format!("put it into quotes: \"{}\"", shorten(&scalar.text))))
        }
    }
}

/// Returns the digits of a scalar that is a whole number from 0.
fn digits(scalar: &Scalar) -> Result<&str, Mistake> {
    match scalar.resolve() {
        Resolved::Integer(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(digits),
        Resolved::Integer(digits) => Err(Mistake::Invalid(format!("`{digits}` has a sign"))),
        Resolved::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Mistake::WrongTypeHint("take the quotes away".to_owned()))
        }
        Resolved::Text(_) | Resolved::Null | Resolved::Bool(_) | Resolved::Float(_) => Err(Mistake::WrongType),
    }
}

impl Value for String {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "text",
        read: |scalar, _| text(scalar).map(ToOwned::to_owned),
        stand_in: Self::new,
        schema: || json!({"type": "string"}),
    });
}

impl Value for Literal {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "text or a number",
        read: |scalar, _| match scalar.resolve() {
            Resolved::Null => {
                Err(Mistake::WrongTypeHint("give it a value, or write \"\" for an empty text".to_owned()))
            }
            Resolved::Bool(_) | Resolved::Integer(_) | Resolved::Float(_) | Resolved::Text(_) => {
                Ok(Self(scalar.text.clone()))
            }
        },
        stand_in: || Self(String::new()),
        schema: || json!({"type": ["string", "number", "boolean"]}),
    });
}

impl Value for bool {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "`true` or `false`",
        read: |scalar, _| match (scalar.resolve(), scalar.text.as_str()) {
            (Resolved::Bool(value), "true" | "false") => Ok(value),
            (Resolved::Text("true" | "false"), _) => Err(Mistake::WrongTypeHint("take the quotes away".to_owned())),
            (Resolved::Bool(value), _) => Err(Mistake::WrongTypeHint(format!("write `{value}`"))),
            (Resolved::Text("yes" | "on" | "y"), _) => Err(Mistake::WrongTypeHint("write `true`".to_owned())),
            (Resolved::Text("no" | "off" | "n"), _) => Err(Mistake::WrongTypeHint("write `false`".to_owned())),
            _ => Err(Mistake::WrongType),
        },
        stand_in: || false,
        schema: || json!({"type": "boolean"}),
    });
}

impl Value for u64 {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a whole number",
        read: |scalar, _| digits(scalar)?.parse().map_err(|_| Mistake::Invalid("the number is too large".to_owned())),
        stand_in: || 0,
        schema: || json!({"type": "integer", "minimum": 0}),
    });
}

impl Value for u16 {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a port number",
        read: |scalar, _| match digits(scalar)?.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(Mistake::Invalid(format!("`{}` is no port: 1 to 65535", shorten(&scalar.text)))),
        },
        stand_in: || 1,
        schema: || json!({"type": "integer", "minimum": 1, "maximum": 65_535}),
    });
}

impl Value for Duration {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a duration such as `500ms`, `10s`, `5m`, `24h` or `1d`",
        read: |scalar, _| match parse_duration(&scalar.text) {
            Ok(duration) => Ok(duration),
            Err(DurationError::NoUnit) => {
                Err(Mistake::WrongTypeHint(format!("add the unit: `{0}s` or `{0}ms`", shorten(&scalar.text))))
            }
            Err(DurationError::Malformed) => Err(Mistake::WrongType),
            Err(error @ DurationError::TooLong) => Err(Mistake::Invalid(error.to_string())),
        },
        stand_in: || Self::ZERO,
        schema: || json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "examples": ["10s", "5m"]}),
    });
}

impl Value for Lifetime {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "seconds such as `3600`, or a duration such as `1h`",
        read: |scalar, _| Self::parse(&scalar.text).ok_or(Mistake::WrongType),
        stand_in: || Self(0),
        schema: || json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+(s|m|h|d)$"}),
    });
}

impl Value for Bytes {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a size such as `4096`, `64KiB` or `1MiB`",
        read: |scalar, _| Self::parse(&scalar.text).ok_or(Mistake::WrongType),
        stand_in: || Self(0),
        schema: || json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+(B|KiB|MiB|GiB)$"}),
    });
}

impl Value for PathBuf {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a path",
        read: |scalar, binder| match text(scalar)? {
            "" => Err(Mistake::Invalid("the path is empty".to_owned())),
            path => Ok(binder.path(path)),
        },
        stand_in: Self::new,
        schema: || json!({"type": "string", "minLength": 1}),
    });
}

impl Value for SocketAddr {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "an address and a port such as `0.0.0.0:8080`",
        read: |scalar, _| {
            let address = text(scalar)?;
            address.parse().map_err(|_| match address.strip_prefix([':', '*']) {
                Some(_) => {
                    Mistake::WrongTypeHint("`0.0.0.0:PORT` is every IPv4 address, `[::]:PORT` every one".to_owned())
                }
                None => Mistake::WrongType,
            })
        },
        stand_in: || Self::from(([127, 0, 0, 1], 0)),
        schema: || json!({"type": "string", "pattern": "^.+:[0-9]+$", "examples": ["0.0.0.0:8080", "[::1]:8080"]}),
    });
}

impl Value for IpNet {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a network such as `10.0.0.0/8`, or an address",
        read: |scalar, _| {
            let network = text(scalar)?;
            let address = || network.parse::<IpAddr>().map(Self::from);
            network.parse().or_else(|_| address()).map_err(|_| Mistake::WrongType)
        },
        stand_in: || Self::from(IpAddr::from([127, 0, 0, 1])),
        schema: || json!({"type": "string", "examples": ["10.0.0.0/8", "192.0.2.7"]}),
    });
}

impl Value for WebUrl {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a URL such as `https://example.com/path`",
        read: |scalar, _| {
            let text = text(scalar)?;
            let url = Url::parse(text).map_err(|error| Mistake::Invalid(format!("not a URL: {error}")))?;
            refuse_strange(&url)?;
            Ok(Self { text: text.to_owned(), url })
        },
        stand_in: Self::nowhere,
        schema: || json!({"type": "string", "format": "uri", "pattern": "^https?://"}),
    });
}

fn refuse_strange(url: &Url) -> Result<(), Mistake> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Mistake::Invalid("the URL must begin with `http://` or `https://` and have a host".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Mistake::Invalid("the URL must not hold a user name or a password".to_owned()));
    }
    if url.fragment().is_some() {
        return Err(Mistake::Invalid("the URL must not have a fragment (`#…`)".to_owned()));
    }
    Ok(())
}

impl Value for Algorithm {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a signing algorithm such as `ES256`",
        read: |scalar, _| {
            let name = text(scalar)?;
            let known = || Self::accepted_names().collect::<Vec<_>>();
            name.parse().map_err(|_| {
                let suggestion = nearest(name, known()).map(|near| format!("did you mean `{near}`? "));
                let hint = format!("{}known: {}", suggestion.unwrap_or_default(), list(&known()));
                Mistake::InvalidHint(format!("unknown signing algorithm `{}`", shorten(name)), hint)
            })
        },
        stand_in: || Self::Es256,
        schema: || json!({"enum": Self::accepted_names().collect::<Vec<_>>()}),
    });
}

impl Value for Encoding {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "`Base64url` or `Base64`",
        read: |scalar, _| {
            let name = text(scalar)?;
            Self::from_name(name).ok_or_else(|| {
                Mistake::Invalid(format!("unknown encoding `{}`; known: `Base64url`, `Base64`", shorten(name)))
            })
        },
        stand_in: || Self::Base64Url,
        schema: || json!({"type": "string", "pattern": "^[Bb][Aa][Ss][Ee]64([Uu][Rr][Ll])?$", "examples": ["Base64url", "Base64"]}),
    });
}

impl Value for Timestamp {
    const SHAPE: Shape<Self> = Shape::Scalar(ScalarShape {
        expected: "a date or time such as `2027-01-31` or `2027-01-31T12:00:00Z`",
        read: |scalar, _| {
            let written = text(scalar)?;
            Self::parse(written).ok_or_else(|| Mistake::Invalid(format!("`{}` is no date or time", shorten(written))))
        },
        stand_in: || Self(0),
        schema: || json!({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
    });
}
