//! The common name of a distinguished name's first RDN (RFC 4514).
//!
//! Reads no more than that RDN. Lenient only in blanks around `=` and separators, which directories and people write.

/// Returns the value of `cn` (2.5.4.3) in the first RDN, unescaped.
///
/// `None`: no distinguished name, no `cn` in its first RDN or two of them, a `#` value (BER), or a value that is not
/// UTF-8. Later RDNs never count: in `OU=x,CN=Users` no group is called `Users`.
pub(super) fn common_name(dn: &str) -> Option<String> {
    let mut rest = dn;
    let mut found = None;
    loop {
        let (kind, after) = rest.split_once('=')?;
        let (value, separator, after) = read_value(after)?;
        if is_common_name(kind.trim()) {
            if found.is_some() {
                return None;
            }
            found = Some(value?);
        }
        match separator {
            Some('+') => rest = after,
            Some(_) | None => return found,
        }
    }
}

/// True for the names of the attribute type.
fn is_common_name(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("cn") || kind.eq_ignore_ascii_case("commonName") || kind == "2.5.4.3"
}

/// Reads an attribute value up to an unescaped separator: the value (`None`: not readable as text), the separator, the
/// rest. `None`: not RFC 4514 §3.
fn read_value(text: &str) -> Option<(Option<String>, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    let is_encoded = text.starts_with('#');
    let mut bytes = Vec::with_capacity(text.len());
    let mut meaningful = 0;
    let mut rest = text.chars();
    let separator = loop {
        match rest.next() {
            None => break None,
            Some(separator @ (',' | '+')) => break Some(separator),
            Some('"' | ';' | '<' | '>' | '\0') => return None,
            Some('\\') => {
                bytes.push(escaped(&mut rest)?);
                meaningful = bytes.len();
            }
            Some(' ') => bytes.push(b' '),
            Some(other) => {
                bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                meaningful = bytes.len();
            }
        }
    };
    bytes.truncate(meaningful);
    let value = String::from_utf8(bytes).ok().filter(|value| !is_encoded && !value.is_empty());
    Some((value, separator, rest.as_str()))
}

/// Reads what follows a backslash: a special character, or two hexadecimal digits.
fn escaped(rest: &mut std::str::Chars<'_>) -> Option<u8> {
    let first = rest.next()?;
    if matches!(first, ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\') {
        return u8::try_from(first).ok();
    }
    let high = first.to_digit(16)?;
    let low = rest.next()?.to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dn: &str, expected: Option<&str>) {
        assert_eq!(common_name(dn).as_deref(), expected, "{dn}");
    }

    #[test]
    fn the_common_name_of_the_first_rdn_is_found() {
        check("CN=orders-admins,OU=groups,DC=example,DC=com", Some("orders-admins"));
        check("cn=ship_crew,ou=people,dc=planetexpress,dc=com", Some("ship_crew"));
        check("2.5.4.3=x,o=y", Some("x"));
        check("commonName=x", Some("x"));
        check("CN = a b , OU=x", Some("a b"));
        check("uid=7+cn=a,o=x", Some("a"));
        check("cn=a+uid=7,o=x", Some("a"));
    }

    #[test]
    fn escapes_are_resolved() {
        check("CN=Smith\\, John,OU=x", Some("Smith, John"));
        check("CN=a\\2Cb\\3dc,OU=x", Some("a,b=c"));
        check("CN=Lu\\C4\\8Di\\C4\\87,O=x", Some("Lučić"));
        check("CN=\\ a \\ ,OU=x", Some(" a  "));
        check("CN=a\\+b\\\\c\\\"d\\#,OU=x", Some("a+b\\c\"d#"));
        check("CN=evil\\,CN\\=admin,OU=x", Some("evil,CN=admin"));
        check("CN=a=b,OU=x", Some("a=b"));
    }

    #[test]
    fn a_common_name_in_a_later_rdn_does_not_count() {
        check("OU=x,CN=Users,DC=example", None);
        check("uid=alice,cn=people", None);
    }

    #[test]
    fn what_is_no_distinguished_name_gives_nothing() {
        for text in ["", "orders", "cn", "cn=", "cn=a;b", "cn=\"a\"", "cn=a\\", "cn=a\\4", "cn=\\zz", "cn=#04024869"] {
            check(text, None);
        }
        check("cn=\\ff\\fe,o=x", None);
        check("cn=a+cn=b,o=x", None);
    }
}
