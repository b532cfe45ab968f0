//! The one-way dependencies between our own crates (ARCHITECTURE.md, "Crates").
//!
//! `claims ◄ stores ◄ gateway ◄ dataplane, control ◄ countersign`: a crate may use those on its left. `dataplane` and
//! `control` cannot see each other. Development and build dependencies count like any other.

use serde_json::Value;

/// Every crate of ours with the crates of ours that it may use. A crate that is not listed is an error.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("claims", &[]),
    ("stores", &["claims"]),
    ("gateway", &["claims", "stores"]),
    ("dataplane", &["claims", "stores", "gateway"]),
    ("control", &["claims", "stores", "gateway"]),
    ("countersign", &["claims", "stores", "gateway", "dataplane", "control"]),
    ("xtask", &[]),
    ("bench", &["claims", "gateway"]),
];

/// One of our crates uses another; `to` is empty for a crate by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The crate with the dependency.
    pub(crate) from: String,
    /// The crate that it names.
    pub(crate) to: String,
}

/// Returns the edges between workspace members, and each member once with an empty `to`.
///
/// `metadata` is the output of `cargo metadata`. A dependency is ours when it is a path dependency.
pub(crate) fn edges(metadata: &Value) -> Vec<Edge> {
    let packages = metadata.get("packages").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    packages.iter().flat_map(edges_of).collect()
}

/// Returns the edges of one package.
fn edges_of(package: &Value) -> Vec<Edge> {
    let from = text(package, "name");
    let dependencies = package.get("dependencies").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    let ours = dependencies.iter().filter(|dependency| dependency.get("path").is_some_and(Value::is_string));
    let itself = Edge { from: from.clone(), to: String::new() };
    std::iter::once(itself)
        .chain(ours.map(|dependency| Edge { from: from.clone(), to: text(dependency, "name") }))
        .collect()
}

/// Returns the string member `name`, or an empty one.
fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns every edge that is not allowed, in words.
pub(crate) fn broken(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(fault).collect()
}

/// Says what is wrong with an edge, if anything.
fn fault(edge: &Edge) -> Option<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == edge.from) else {
        return Some(format!("crate `{}` is not in the map of crates (xtask/src/crate_edges.rs)", edge.from));
    };
    if edge.to.is_empty() || allowed.contains(&edge.to.as_str()) {
        return None;
    }
    Some(format!("crate `{}` must not depend on `{}`", edge.from, edge.to))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Metadata of one package with one dependency of a kind.
    fn metadata(from: &str, to: &str, kind: &Value) -> Value {
        json!({"packages": [{"name": from, "dependencies": [
            {"name": to, "kind": kind, "path": format!("/crates/{to}")},
            {"name": "serde_json", "kind": null},
        ]}]})
    }

    fn check(from: &str, to: &str, expected: &[&str]) {
        for kind in [json!(null), json!("dev"), json!("build")] {
            assert_eq!(broken(&edges(&metadata(from, to, &kind))), expected, "{from} -> {to} as {kind}");
        }
    }

    #[test]
    fn edges_to_the_left_are_allowed() {
        check("stores", "claims", &[]);
        check("gateway", "stores", &[]);
        check("dataplane", "gateway", &[]);
        check("control", "gateway", &[]);
        check("countersign", "dataplane", &[]);
    }

    #[test]
    fn every_other_edge_is_refused_whatever_its_kind() {
        let names: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
        for (from, allowed) in ALLOWED {
            for to in names.iter().filter(|to| !allowed.contains(to)) {
                check(from, to, &[&format!("crate `{from}` must not depend on `{to}`")]);
            }
        }
    }

    #[test]
    fn dataplane_and_control_cannot_see_each_other() {
        check("dataplane", "control", &["crate `dataplane` must not depend on `control`"]);
        check("control", "dataplane", &["crate `control` must not depend on `dataplane`"]);
    }

    #[test]
    fn a_crate_outside_the_map_is_refused() {
        let lonely = json!({"packages": [{"name": "utils", "dependencies": []}]});
        assert_eq!(broken(&edges(&lonely)), ["crate `utils` is not in the map of crates (xtask/src/crate_edges.rs)"]);
    }
}
