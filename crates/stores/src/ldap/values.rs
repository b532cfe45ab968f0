//! What an attribute's bytes mean.
//!
//! LDAP says of no value what type it is: text stays text, digits too. The few binary attributes that everybody has are
//! known by name; of any other, bytes that are no text are a mistake unless the operator asks for base64.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use claims::Json;
use uuid::Uuid;

/// How an attribute's values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// UTF-8.
    Text,
    /// A GUID as Active Directory stores it: the first three groups little-endian ([MS-DTYP] §2.3.4.2).
    Guid,
    /// A security identifier ([MS-DTYP] §2.4.2.2).
    Sid,
    /// Any bytes, in base64 (RFC 4648 §4).
    Base64,
}

impl Reading {
    /// Returns how the attribute of that name is read when nothing else is said.
    pub(super) fn of(name: &str) -> Self {
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        if ["objectGUID", "mS-DS-ConsistencyGuid"].iter().any(is) {
            Self::Guid
        } else if ["objectSid", "sIDHistory", "tokenGroups"].iter().any(is) {
            Self::Sid
        } else {
            Self::Text
        }
    }

    /// Reads one value; `Err`: what it should be.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Json, &'static str> {
        let text = match self {
            Self::Text => std::str::from_utf8(bytes).map_err(|_| "UTF-8 text; `value: base64` takes any bytes")?.into(),
            Self::Guid => Uuid::from_slice_le(bytes).map_err(|_| "16 bytes, as a GUID has")?.to_string(),
            Self::Sid => sid(bytes).ok_or("a security identifier")?,
            Self::Base64 => STANDARD.encode(bytes),
        };
        Ok(Json::string(text))
    }
}

/// Writes a security identifier as `S-1-5-21-…`.
fn sid(bytes: &[u8]) -> Option<String> {
    let (&[revision, count, ref authority @ ..], parts) = bytes.split_first_chunk::<8>()?;
    let authority = authority.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (parts, rest) = parts.as_chunks::<4>();
    if revision != 1 || parts.len() != usize::from(count) || !rest.is_empty() {
        return None;
    }
    let mut text = format!("S-{revision}-{authority}");
    for part in parts {
        write!(text, "-{}", u32::from_le_bytes(*part)).ok()?;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8], expected: Option<&str>) {
        assert_eq!(Reading::of(name).read(bytes).ok(), expected.map(Json::string), "{name}");
    }

    #[test]
    fn text_stays_as_it_is() {
        check("cn", "José 7".as_bytes(), Some("José 7"));
        check("cn", b"", Some(""));
        check("cn", b"a\0b", Some("a\0b"));
        check("jpegPhoto", b"\xff\xd8", None);
        assert_eq!(Reading::Base64.read(b"\xff\xd8"), Ok(Json::string("/9g=")));
    }

    #[test]
    fn a_guid_is_written_as_windows_writes_it() {
        let bytes: Vec<u8> = (0..16).collect();
        check("objectGUID", &bytes, Some("03020100-0504-0706-0809-0a0b0c0d0e0f"));
        check("OBJECTGUID", &bytes[1..], None);
    }

    #[test]
    fn a_security_identifier_is_written_as_windows_writes_it() {
        let mut bytes = vec![1, 5, 0, 0, 0, 0, 0, 5];
        for part in [21_u32, 3_623_811_015, 3_361_044_348, 30_300_820, 1013] {
            bytes.extend(part.to_le_bytes());
        }
        check("objectSid", &bytes, Some("S-1-5-21-3623811015-3361044348-30300820-1013"));
        check("objectSid", &bytes[..27], None);
        check("objectSid", &bytes[..7], None);
        check("objectSid", &[&bytes[..], &[0; 4]].concat(), None);
    }
}
