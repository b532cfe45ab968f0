//! Small texts of the files that are written: scalars of YAML, names of files, versions, paths.

use std::fmt::Write as _;

use gateway::NormalPath;

/// Writes a text such that YAML reads it as that text, on one line.
pub(super) fn scalar(text: &str) -> String {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_');
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'.' | b'-' | b' ' | b'(' | b')');
    let has_plain_look = text.bytes().next().is_some_and(is_first)
        && text.bytes().all(is_plain)
        && !text.ends_with(' ')
        && (text.bytes().any(|byte| byte.is_ascii_alphabetic() || byte == b'/') || text.matches('.').count() > 1);
    if has_plain_look && !is_word_or_number(text) { text.to_owned() } else { quoted(text) }
}

/// Writes a path template; braces and stars are plain after a slash.
pub(super) fn target(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-{}*~!@$+=".contains(&byte);
    if text.starts_with('/') && text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// Writes texts as a list in brackets.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let written: Vec<String> = texts.into_iter().map(scalar).collect();
    format!("[{}]", written.join(", "))
}

/// True for what YAML takes for something else than text when it stands without quotes.
fn is_word_or_number(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    WORDS.contains(&text.to_ascii_lowercase().as_str())
        || text.parse::<f64>().is_ok()
        || text.starts_with("0x")
        || text.starts_with("0o")
}

fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            '\n' => written.push_str("\\n"),
            _ if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(written, "\\u{:04x}", u32::from(character));
            }
            _ => written.push(character),
        }
    }
    written.push('"');
    written
}

/// Makes a name for a file or a path of a title: lower case, words joined by hyphens. Never empty.
pub(super) fn slug(title: &str) -> String {
    let mut slug = String::new();
    for character in title.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug: String = slug.trim_end_matches('-').chars().take(60).collect();
    if slug.is_empty() { "api".to_owned() } else { slug }
}

/// Returns a version that can be part of a path; `None`: nothing of it can.
pub(super) fn version(written: &str) -> Option<String> {
    const SPECIAL: &str = "~!@#;:%^*()+={}|\\<>\"',&/$[]`?";
    let is_bad = |character: char| SPECIAL.contains(character) || !character.is_ascii_graphic();
    let parts = written.split(is_bad).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    let joined = joined.trim_matches('-').to_owned();
    is_segment(&joined).then_some(joined)
}

/// True for a text that is one segment of a path, as it is.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && NormalPath::parse(&format!("/{text}")).is_ok_and(|path| path.as_str().get(1..) == Some(text))
}

/// Returns a base path that the gateway takes: absolute, normal, without a final slash; empty for the root.
pub(super) fn base_path(written: &str) -> Option<String> {
    let path = written.trim_matches('/');
    if path.is_empty() {
        return Some(String::new());
    }
    let path = format!("/{path}");
    NormalPath::parse(&path)
        .is_ok_and(|normal| normal.as_str() == path && !path.contains(['%', '{', '}']))
        .then_some(path)
}

#[cfg(test)]
mod tests {
    use gateway::{Diagnostics, yaml::load_documents};
    use proptest::prelude::*;

    use super::*;
    use crate::import::tree::Tree;

    fn reads_as(written: &str) -> String {
        let mut diagnostics = Diagnostics::new();
        let text = format!("key: {written}\n");
        let file = std::sync::Arc::from(std::path::Path::new("x"));
        let documents = load_documents(&text, &file, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics}");
        Tree(&documents[0]).text_of("key").unwrap_or_default().to_owned()
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "\\PC{1,20}|[a-z0-9:#\\-? ,\\[\\]{}&*!|>'\"%@`\n\t]{1,12}") {
            prop_assert_eq!(reads_as(&scalar(&text)), text.clone());
            prop_assert_eq!(reads_as(&target(&format!("/{text}"))), format!("/{text}"));
        }
    }

    #[test]
    fn what_looks_like_a_number_or_a_word_is_quoted() {
        for text in ["1.10", "true", "no", "1e3", "", "null", "inf", "0x1F", "-"] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        assert_eq!(scalar("Pet Store (v2)"), "Pet Store (v2)");
    }

    #[test]
    fn versions_become_segments() {
        let check =
            |written: &str, expected: Option<&str>| assert_eq!(version(written).as_deref(), expected, "{written}");
        check("1.0.0", Some("1.0.0"));
        check("1.0 (beta)", Some("1.0-beta"));
        check("{{version}}", Some("version"));
        check("..", None);
        check("", None);
        check("2.0/рус", Some("2.0"));
    }

    #[test]
    fn titles_become_file_names() {
        let check = |title: &str, expected: &str| assert_eq!(slug(title), expected);
        check("Swagger Petstore - OpenAPI 3.0", "swagger-petstore-openapi-3-0");
        check("../../etc/passwd", "etc-passwd");
        check("Ünï", "n");
        check("…", "api");
    }
}
