//! A distinguished name as Java prints it: `CN=localhost, OU=Gateway, O=Example, C=US`.
//!
//! Most specific part first, comma and space between, values quoted where Java's `X500Principal.toString` quotes them.
//! Needed only for the `kid` that WSO2 API Manager writes: backends compare it as bytes.

use x509_parser::{
    der_parser::{Oid, asn1_rs::Tag},
    x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name},
};

use crate::algorithm::hexadecimal;

/// The attribute types that Java has a word for, by OID.
const KEYWORDS: [(&str, &str); 18] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SURNAME"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "T"),
    ("2.5.4.42", "GIVENNAME"),
    ("2.5.4.43", "INITIALS"),
    ("2.5.4.44", "GENERATION"),
    ("2.5.4.46", "DNQ"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAILADDRESS"),
    ("1.3.6.1.4.1.42.2.11.2.1", "IP"),
];

/// Characters that make Java quote a value.
const SPECIAL: &str = ",+=\n<>#;\\\"";

/// Returns the text that Java's `X509Certificate.getIssuerDN().toString()` gives for this name.
pub(super) fn java_text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name.iter().map(relative_name).collect();
    parts.reverse();
    parts.join(", ")
}

fn relative_name(name: &RelativeDistinguishedName<'_>) -> String {
    name.iter().map(attribute).collect::<Vec<_>>().join(" + ")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = text(attribute).map_or_else(|| format!("#{}", hexadecimal(attribute.as_slice())), |text| quoted(&text));
    format!("{}={value}", keyword(attribute.attr_type()))
}

fn keyword(oid: &Oid<'_>) -> String {
    let oid = oid.to_id_string();
    let known = KEYWORDS.iter().find(|(known, _)| *known == oid);
    known.map_or_else(|| format!("OID.{oid}"), |(_, keyword)| (*keyword).to_owned())
}

/// Returns the characters of a string value; `None` when it is none.
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::T61String | Tag::GeneralString => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (pairs, _) = bytes.as_chunks::<2>();
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => attribute.as_str().ok().map(str::to_owned),
    }
}

fn quoted(value: &str) -> String {
    if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
        return value.to_owned();
    }
    let is_blank = |character| matches!(character, ' ' | '\n');
    let needs_quotes = value.contains(|character| SPECIAL.contains(character))
        || value.starts_with(is_blank)
        || value.ends_with(is_blank)
        || value.contains("  ");
    if !needs_quotes {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
