//! Path templates of documents to targets of operations, and why some have none.

use std::fmt::Write as _;

use gateway::NormalPath;

/// A path template as a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) text: String,
    /// Why it takes more than the template says.
    pub(super) widened: Option<&'static str>,
}

const WIDER: &str = "a parameter is a whole segment: the operation takes any text there";
const GREEDY: &str = "a parameter over several segments is `*`";

/// Converts a template; an error says why no target can stand for it.
pub(super) fn target(template: &str) -> Result<Target, &'static str> {
    let path = template.strip_prefix('/').ok_or("a path starts with `/`")?;
    if path.contains(['?', '#']) {
        return Err("operations are told apart by verb and path, not by a query or a fragment");
    }
    if path.is_empty() {
        return Ok(Target { text: "/".to_owned(), widened: None });
    }
    let (path, final_slash) = path.strip_suffix('/').map_or((path, ""), |path| (path, "/"));
    let mut widened = None;
    let mut segments = Vec::new();
    let last = path.split('/').count();
    for (index, segment) in path.split('/').enumerate() {
        let (segment, reason) = convert(segment, index + 1 == last)?;
        widened = widened.or(reason);
        segments.push(segment);
    }
    let final_slash = if segments.last().is_some_and(|last| last == "*") { "" } else { final_slash };
    Ok(Target { text: format!("/{}{final_slash}", segments.join("/")), widened })
}

fn convert(segment: &str, is_last: bool) -> Result<(String, Option<&'static str>), &'static str> {
    if segment == "*" || segment == "**" {
        return if is_last { Ok(("*".to_owned(), None)) } else { Err("`*` may only be the last segment of a path") };
    }
    let Some((before, rest)) = segment.split_once('{') else { return fixed(segment).map(|fixed| (fixed, None)) };
    let Some((name, after)) = rest.split_once('}') else { return Err("a brace is not closed") };
    let is_greedy = name.starts_with(['+', '/']) || name.ends_with(['+', '*']);
    if before.is_empty() && after.is_empty() && is_greedy && is_last {
        return Ok(("*".to_owned(), Some(GREEDY)));
    }
    let name = name.replace(['{', '}'], "");
    if name.is_empty() {
        return Err("a parameter has no name");
    }
    let is_whole = before.is_empty() && after.is_empty();
    Ok((format!("{{{name}}}"), (!is_whole).then_some(WIDER)))
}

/// Writes fixed text as requests have it: percent-encoded where it must be.
fn fixed(segment: &str) -> Result<String, &'static str> {
    const UNUSUAL: &str = "no request that the gateway takes has this path";
    if segment.contains('}') {
        return Err("a brace is not opened");
    }
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`|".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    let path = format!("/{encoded}");
    let normal = NormalPath::parse(&path).map_err(|_| UNUSUAL)?;
    let text = normal.as_str().trim_start_matches('/');
    if text.is_empty() { Err(UNUSUAL) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: Result<(&str, bool), ()>) {
        let found = target(template);
        let found = found.as_ref().map(|target| (target.text.as_str(), target.widened.is_some())).map_err(|_| ());
        assert_eq!(found, expected, "{template}");
    }

    #[test]
    fn templates_become_targets() {
        check("/", Ok(("/", false)));
        check("/pets/{petId}/toys/", Ok(("/pets/{petId}/toys/", false)));
        check("/files/{path*}", Ok(("/files/*", true)));
        check("/files/{proxy+}", Ok(("/files/*", true)));
        check("/files/*", Ok(("/files/*", false)));
        check("/a b/ü", Ok(("/a%20b/%C3%BC", false)));
        check("/%7Euser", Ok(("/~user", false)));
    }

    #[test]
    fn a_parameter_within_a_segment_takes_all_of_it() {
        check("/report.{format}", Ok(("/{format}", true)));
        check("/repos/{owner}:{name}/x", Ok(("/repos/{owner}/x", true)));
    }

    #[test]
    fn what_no_request_can_have_is_refused() {
        for template in ["pets", "/a?b=c", "/a#b", "/a//b", "/a/../b", "/a/{b", "/a/b}", "/{}", "/*/b", "/a%2Fb\\"] {
            check(template, Err(()));
        }
    }
}
