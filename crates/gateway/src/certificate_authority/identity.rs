//! The one name in a certificate that identifies its holder; with none or several there is no holder.

use std::fmt::Write as _;

use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    x509::{AttributeTypeAndValue, X509Name},
};

use super::CertificateIdentity;

/// Returns the name; `None`: there is none of the kind, several, or one that is no plain text.
pub(super) fn name(certificate: &X509Certificate<'_>, identity: CertificateIdentity) -> Option<String> {
    let name = match identity {
        CertificateIdentity::CommonName => {
            one(certificate.subject().iter_common_name().map(|name| name.as_str().ok().map(ToOwned::to_owned)))
        }
        CertificateIdentity::Subject => subject(certificate.subject()),
        CertificateIdentity::Email | CertificateIdentity::Dns | CertificateIdentity::Uri => {
            let extension = certificate.subject_alternative_name().ok()??;
            let names = extension.value.general_names.iter().filter_map(|name| of_kind(name, identity));
            one(names.map(|name| Some(name.to_owned())))
        }
        CertificateIdentity::Thumbprint => None,
    };
    name.filter(|name| !name.is_empty() && !name.chars().any(char::is_control))
}

/// Returns the value of the one item; the inner `None` is an item that cannot be read.
fn one(mut items: impl Iterator<Item = Option<String>>) -> Option<String> {
    let first = items.next()??;
    items.next().is_none().then_some(first)
}

fn of_kind<'a>(name: &GeneralName<'a>, identity: CertificateIdentity) -> Option<&'a str> {
    match (name, identity) {
        (GeneralName::RFC822Name(text), CertificateIdentity::Email)
        | (GeneralName::DNSName(text), CertificateIdentity::Dns)
        | (GeneralName::URI(text), CertificateIdentity::Uri) => Some(text),
        _ => None,
    }
}

/// The attribute types with a short name in RFC 4514 §3.
const SHORT_NAMES: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// Writes a distinguished name by RFC 4514 §2: the last part first, and no two names alike.
fn subject(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for relative in name.iter() {
        let attributes: Option<Vec<String>> = relative.iter().map(attribute).collect();
        parts.push(attributes?.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let oid = attribute.attr_type().to_id_string();
    let known = SHORT_NAMES.iter().find(|(number, _)| *number == oid).map(|(_, short)| *short);
    let text = attribute.as_str().ok()?;
    Some(format!("{}={}", known.unwrap_or(&oid), escaped(text)))
}

/// Escapes a value by RFC 4514 §2.4.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (place, character) in text.chars().enumerate() {
        let is_special = matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || (place == 0 && matches!(character, '#' | ' '))
            || (place == last && character == ' ');
        if character == '\0' {
            escaped.push_str("\\00");
        } else {
            // INVARIANT: writing to a string cannot fail.
            let _ = if is_special { write!(escaped, "\\{character}") } else { write!(escaped, "{character}") };
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_parts_is_escaped_in_values() {
        for (value, expected) in [
            ("alice,ou=x", "alice\\,ou=x"),
            ("#a+b", "\\#a\\+b"),
            (" a ", "\\ a\\ "),
            (" ", "\\ "),
            ("a\\\"", "a\\\\\\\""),
            ("Zoë", "Zoë"),
        ] {
            assert_eq!(escaped(value), expected);
        }
    }
}
