//! The operations of one API: a segment trie for each verb.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use http::Method;

/// The operations of one API, by verb and target.
#[derive(Clone, Debug, Default)]
pub struct OperationRoutes {
    verbs: Vec<(Method, Node)>,
}

/// A target that is no path template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Does not start with `/`.
    #[error("a target starts with `/`")]
    NotAbsolute,
    /// `*` elsewhere than as the last segment.
    #[error("`*` may only be the last segment of a target")]
    Wildcard,
    /// A segment that mixes text and `{parameter}`.
    #[error("a `{{parameter}}` is a whole segment")]
    Parameter,
    /// A path that no request can have.
    #[error("no request can have this path: {0}")]
    Path(#[from] crate::path::PathError),
}

/// Why an operation could not be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The target is wrong.
    Target(TargetError),
    /// The operation that already answers these requests.
    Taken(usize),
}

#[derive(Clone, Debug, Default)]
struct Node {
    fixed: HashMap<Box<str>, Node, RandomState>,
    parameter: Option<Box<Node>>,
    wildcard: Option<usize>,
    plain: Option<usize>,
    with_slash: Option<usize>,
}

impl OperationRoutes {
    /// Adds operation number `operation`.
    ///
    /// # Errors
    ///
    /// [`Conflict`] when the target is no template, or another operation answers the same requests.
    pub fn insert(&mut self, verb: &Method, target: &str, operation: usize) -> Result<(), Conflict> {
        let segments = parse_target(target).map_err(Conflict::Target)?;
        let mut node = self.root(verb);
        for segment in &segments {
            node = match segment {
                Segment::Fixed(text) => node.fixed.entry(text.clone()).or_default(),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Wildcard => return put(&mut node.wildcard, operation),
            };
        }
        put(if ends_with_slash(target) { &mut node.with_slash } else { &mut node.plain }, operation)
    }

    /// Returns the operation that serves `method` on `rest`, the path below the API's base.
    ///
    /// `HEAD` is served by `GET`'s operation unless one is declared.
    pub fn find(&self, method: &Method, rest: &str) -> Option<usize> {
        let segments = rest.strip_prefix('/').unwrap_or(rest);
        let found = self.find_verb(method, segments);
        if found.is_none() && method == Method::HEAD { self.find_verb(&Method::GET, segments) } else { found }
    }

    /// Returns the verbs that would serve `rest`, for `Allow`.
    pub fn allowed(&self, rest: &str) -> Vec<Method> {
        let segments = rest.strip_prefix('/').unwrap_or(rest);
        let mut methods: Vec<Method> =
            self.verbs.iter().filter(|(_, root)| root.find(segments).is_some()).map(|(verb, _)| verb.clone()).collect();
        if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
            methods.push(Method::HEAD);
        }
        methods
    }

    fn find_verb(&self, method: &Method, segments: &str) -> Option<usize> {
        let (_, root) = self.verbs.iter().find(|(verb, _)| verb == method)?;
        root.find(segments)
    }

    fn root(&mut self, verb: &Method) -> &mut Node {
        let index = self.verbs.iter().position(|(known, _)| known == verb).unwrap_or_else(|| {
            self.verbs.push((verb.clone(), Node::default()));
            self.verbs.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the index was found or made on the line above")]
        &mut self.verbs[index].1
    }
}

impl Node {
    /// Follows `path`, which has no leading slash: static before parameter before wildcard, with backtracking.
    fn find(&self, path: &str) -> Option<usize> {
        if path.is_empty() {
            return self.plain.or(self.with_slash).or(self.wildcard);
        }
        let (segment, rest) = first_segment(path);
        let fixed = self.fixed.get(segment);
        fixed
            .and_then(|node| node.enter(rest))
            .or_else(|| self.parameter.as_ref().and_then(|node| node.enter(rest)))
            .or(self.wildcard)
    }

    /// Goes on below this node; `rest` is `None` at the path's end and empty after a final slash.
    fn enter(&self, rest: Option<&str>) -> Option<usize> {
        match rest {
            None => self.plain.or(self.with_slash).or(self.wildcard),
            Some("") => self.with_slash.or(self.plain).or(self.wildcard),
            Some(rest) => self.find(rest),
        }
    }
}

/// Cuts off the first segment; the rest comes without its slash. Segments are short: a search made for long texts would
/// cost more.
fn first_segment(path: &str) -> (&str, Option<&str>) {
    let slash = path.bytes().position(|byte| byte == b'/');
    match slash.and_then(|slash| path.split_at_checked(slash)) {
        Some((segment, rest)) => (segment, rest.get(1..)),
        None => (path, None),
    }
}

enum Segment {
    Fixed(Box<str>),
    Parameter,
    Wildcard,
}

fn put(slot: &mut Option<usize>, operation: usize) -> Result<(), Conflict> {
    if let Some(holder) = slot {
        return Err(Conflict::Taken(*holder));
    }
    *slot = Some(operation);
    Ok(())
}

fn ends_with_slash(target: &str) -> bool {
    target.len() > 1 && target.ends_with('/')
}

fn parse_target(target: &str) -> Result<Vec<Segment>, TargetError> {
    let path = target.strip_prefix('/').ok_or(TargetError::NotAbsolute)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let count = path.split('/').count();
    path.split('/').enumerate().map(|(index, segment)| parse_segment(segment, index + 1 == count)).collect()
}

fn parse_segment(segment: &str, is_last: bool) -> Result<Segment, TargetError> {
    if segment == "*" {
        return if is_last { Ok(Segment::Wildcard) } else { Err(TargetError::Wildcard) };
    }
    if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return if name.contains(['{', '}']) { Err(TargetError::Parameter) } else { Ok(Segment::Parameter) };
    }
    if segment.contains(['{', '}']) {
        return Err(TargetError::Parameter);
    }
    let path = format!("/{segment}");
    let normal = crate::path::NormalPath::parse(&path)?;
    Ok(Segment::Fixed(normal.as_str().trim_start_matches('/').into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn routes(targets: &[&str]) -> OperationRoutes {
        let mut routes = OperationRoutes::default();
        for (index, target) in targets.iter().enumerate() {
            routes.insert(&Method::GET, target, index).unwrap();
        }
        routes
    }

    fn check(routes: &OperationRoutes, path: &str, expected: Option<usize>) {
        assert_eq!(routes.find(&Method::GET, path), expected, "{path}");
    }

    #[test]
    fn static_goes_before_parameter_before_wildcard_with_backtracking() {
        let routes = routes(&["/a/b", "/a/{id}", "/a/*", "/{x}/b/c", "/a/b/{y}/d"]);
        check(&routes, "/a/b", Some(0));
        check(&routes, "/a/c", Some(1));
        check(&routes, "/a/c/d", Some(2));
        check(&routes, "/a", Some(2));
        check(&routes, "/a/b/c/x", Some(2));
        check(&routes, "/z/b/c", Some(3));
        check(&routes, "/a/b/q/d", Some(4));
        check(&routes, "/z", None);
    }

    #[test]
    fn a_final_slash_matters_only_where_both_are_declared() {
        let both = routes(&["/a", "/a/"]);
        check(&both, "/a", Some(0));
        check(&both, "/a/", Some(1));
        let one = routes(&["/employee/"]);
        check(&one, "/employee", Some(0));
        check(&one, "/employee/", Some(0));
    }

    #[test]
    fn the_root_and_its_wildcard_match_the_bare_base() {
        check(&routes(&["/"]), "", Some(0));
        check(&routes(&["/"]), "/", Some(0));
        check(&routes(&["/*"]), "", Some(0));
        check(&routes(&["/*"]), "/x/y", Some(0));
    }

    #[test]
    fn head_is_served_by_get_unless_declared() {
        let mut routes = routes(&["/a"]);
        assert_eq!(routes.find(&Method::HEAD, "/a"), Some(0));
        routes.insert(&Method::HEAD, "/a", 9).unwrap();
        assert_eq!(routes.find(&Method::HEAD, "/a"), Some(9));
        assert_eq!(routes.find(&Method::POST, "/a"), None);
        assert_eq!(routes.allowed("/a"), [Method::GET, Method::HEAD]);
    }

    #[test]
    fn two_operations_for_one_request_conflict() {
        let mut routes = routes(&["/a/{id}"]);
        assert_eq!(routes.insert(&Method::GET, "/a/{name}", 1), Err(Conflict::Taken(0)));
        assert_eq!(routes.insert(&Method::GET, "/*/a", 1), Err(Conflict::Target(TargetError::Wildcard)));
        assert_eq!(routes.insert(&Method::GET, "/a{id}", 1), Err(Conflict::Target(TargetError::Parameter)));
        assert_eq!(routes.insert(&Method::GET, "a", 1), Err(Conflict::Target(TargetError::NotAbsolute)));
    }

    /// The specification in the plainest form: among all matching targets, the best by segment-wise rank.
    fn linear(targets: &[String], path: &str) -> Option<usize> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let rank = |target: &String| -> Option<Vec<u8>> {
            let segments: Vec<&str> = target.split('/').skip(1).collect();
            let mut ranks = Vec::new();
            for (index, segment) in segments.iter().enumerate() {
                if *segment == "*" {
                    ranks.push(2);
                    return Some(ranks);
                }
                match parts.get(index) {
                    Some(part) if part == segment => ranks.push(0),
                    Some(_) if segment.starts_with('{') => ranks.push(1),
                    Some(_) | None => return None,
                }
            }
            (segments.len() == parts.len()).then_some(ranks)
        };
        targets
            .iter()
            .enumerate()
            .filter_map(|(index, target)| rank(target).map(|rank| (rank, index)))
            .min()
            .map(|(_, index)| index)
    }

    proptest! {
        #[test]
        fn the_trie_agrees_with_a_linear_scan(
            targets in prop::collection::vec("(/(a|b|\\{p\\})){1,3}(/\\*)?", 1..8),
            path in "(/(a|b|c)){1,4}",
        ) {
            let mut routes = OperationRoutes::default();
            let mut kept = Vec::new();
            for target in targets {
                if routes.insert(&Method::GET, &target, kept.len()).is_ok() {
                    kept.push(target);
                }
            }
            prop_assert_eq!(routes.find(&Method::GET, &path), linear(&kept, &path));
        }
    }
}
