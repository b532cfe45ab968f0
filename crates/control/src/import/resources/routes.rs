//! `HTTPRoute` and `Backend` resources: the operations of an API, and where their calls go.

use std::str::FromStr as _;

use gateway::{OperationRoutes, yaml::Place};
use http::Method;

use super::{Resource, Resources};
use crate::import::{
    draft::{ApiDraft, OperationDraft},
    tree::Tree,
};

const VERBS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl<'a> Resources<'a, '_> {
    /// Reads the routes that an `API` refers to.
    pub(super) fn routes(&mut self, spec: Tree<'a>, draft: &mut ApiDraft) {
        let mut routes = OperationRoutes::default();
        for name in route_names(spec, "production") {
            let Some(route) = self.named("HTTPRoute", name) else {
                draft.comment.push(format!("The route `{name}` was not among the files."));
                continue;
            };
            self.route(route, (draft, &mut routes));
        }
        for name in route_names(spec, "sandbox") {
            if let Some(route) = self.named("HTTPRoute", name) {
                draft.sandbox = draft.sandbox.take().or_else(|| self.endpoint(route));
            }
        }
    }

    fn route(&mut self, route: Resource<'a>, (draft, routes): (&mut ApiDraft, &mut OperationRoutes)) {
        for entry in
            route.spec().entries().iter().filter(|entry| !["rules", "parentRefs"].contains(&entry.key.as_str()))
        {
            let reason = "host names are the operator's word (`environments`)";
            self.notes_of(route).left(entry.place, &format!("HTTPRoute.{}", entry.key), reason);
        }
        for rule in route.spec().get("rules").map(Tree::items).unwrap_or_default() {
            let rule = Tree(rule);
            let endpoint = self.backend(rule);
            draft.production = draft.production.take().or_else(|| endpoint.clone());
            let own = endpoint.filter(|endpoint| draft.production.as_ref() != Some(endpoint));
            let Some(scopes) = self.scopes(route, rule) else { continue };
            let model = OperationDraft { endpoint: own, scopes, ..OperationDraft::default() };
            for found in rule.get("matches").map(Tree::items).unwrap_or_default() {
                self.matches(route, Tree(found), &model, (draft, routes));
            }
        }
    }

    /// The scopes that a rule's filters ask for. `None`: one is not among the files, and so the rule is left behind.
    fn scopes(&mut self, route: Resource<'a>, rule: Tree<'a>) -> Option<Vec<String>> {
        const FIELD: &str = "HTTPRoute.rules[].filters[]";
        let mut scopes = Vec::new();
        for filter in rule.get("filters").map(Tree::items).unwrap_or_default() {
            let filter = Tree(filter);
            let reference = filter.get("extensionRef");
            if reference.and_then(|reference| reference.text_of("kind")) != Some("Scope") {
                self.notes_of(route).left(filter.place(), FIELD, "only scopes are imported: the operation is secured");
                continue;
            }
            let name = reference.and_then(|reference| reference.text_of("name")).unwrap_or_default();
            let Some(scope) = self.named("Scope", name) else {
                let reason = "the scope is not among the files: the operations of its rule are left behind";
                self.notes_of(route).left(filter.place(), FIELD, reason);
                return None;
            };
            let names = scope.spec().get("names").map(Tree::items).unwrap_or_default();
            scopes.extend(names.iter().filter_map(|name| Tree(name).text()).map(str::to_owned));
            self.notes_of(route).carried(filter.place(), FIELD, "scopes");
        }
        Some(scopes)
    }

    fn matches(
        &mut self,
        route: Resource<'a>,
        found: Tree<'a>,
        model: &OperationDraft,
        (draft, routes): (&mut ApiDraft, &mut OperationRoutes),
    ) {
        const FIELD: &str = "HTTPRoute.rules[].matches[]";
        let value = found.at(&["path", "value"]).and_then(Tree::text).unwrap_or("/");
        let kind = found.at(&["path", "type"]).and_then(Tree::text).unwrap_or("PathPrefix");
        let Some(target) = target(kind, value) else {
            self.notes_of(route).left(found.place(), FIELD, "no path template stands for its expression");
            return;
        };
        let verbs = found.text_of("method").map_or_else(|| VERBS.to_vec(), |verb| vec![verb]);
        for verb in verbs {
            let is_new = Method::from_str(verb).is_ok_and(|method| {
                VERBS.contains(&verb) && routes.insert(&method, &target, draft.operations.len()).is_ok()
            });
            if !is_new {
                self.notes_of(route).left(
                    found.place(),
                    FIELD,
                    "another operation answers the same requests, or none can",
                );
                continue;
            }
            draft.operations.push(OperationDraft { target: target.clone(), verb: verb.to_owned(), ..model.clone() });
            self.notes_of(route).carried(found.place(), FIELD, "operations");
        }
    }

    fn endpoint(&mut self, route: Resource<'a>) -> Option<String> {
        let rules = route.spec().get("rules").map(Tree::items).unwrap_or_default();
        rules.iter().find_map(|rule| self.backend(Tree(rule)))
    }

    /// The address of a rule's backend.
    fn backend(&mut self, rule: Tree<'a>) -> Option<String> {
        let reference = rule.get("backendRefs")?.items().first().map(Tree)?;
        let backend = self.named("Backend", reference.text_of("name")?)?;
        let spec = backend.spec();
        let service = spec.get("services")?.items().first().map(Tree)?;
        let host = service.text_of("host")?;
        let port = service.text_of("port").map(|port| format!(":{port}")).unwrap_or_default();
        let protocol = spec.text_of("protocol").filter(|protocol| *protocol == "https").unwrap_or("http");
        let path = spec.text_of("basePath").unwrap_or_default().trim_end_matches('/');
        let url = url::Url::parse(&format!("{protocol}://{host}{port}{path}")).ok()?;
        let place: Place = backend.tree.place();
        self.notes_of(backend).carried(place, "Backend", "endpointConfigurations");
        Some(url.as_str().trim_end_matches('/').to_owned())
    }
}

/// The routes that an API refers to, in either spelling.
fn route_names<'a>(spec: Tree<'a>, key_type: &str) -> Vec<&'a str> {
    let lists = spec.get(key_type).map(Tree::items).unwrap_or_default().iter().map(Tree);
    let references = lists.filter_map(|list| list.get("routeRefs").or_else(|| list.get("httpRouteRefs")));
    references.flat_map(Tree::items).filter_map(|name| Tree(name).text()).collect()
}

/// Converts a path of a route.
fn target(kind: &str, value: &str) -> Option<String> {
    let path = value.trim_end_matches('/');
    match kind {
        "Exact" => Some(if path.is_empty() { "/".to_owned() } else { path.to_owned() }),
        "PathPrefix" => Some(format!("{path}/*")),
        _ => expression(path),
    }
}

/// Expressions of the forms that the product itself writes: a group is a parameter, or everything that follows.
fn expression(path: &str) -> Option<String> {
    const PARAMETER: &str = "\u{1}";
    let path =
        ["([^/]+)", "([^/]*)", "[^/]+"].iter().fold(path.to_owned(), |path, group| path.replace(group, PARAMETER));
    let last = path.split('/').count();
    let segments = path.split('/').enumerate().map(|(index, segment)| match segment {
        "(.*)" | ".*" if index + 1 == last => Some("*".to_owned()),
        "(.*)" | PARAMETER => Some(format!("{{p{index}}}")),
        _ if segment.contains(['(', '[', '\\', '?', '+', '*', '^', '$', '|', '\u{1}']) => None,
        _ => Some(segment.to_owned()),
    });
    Some(segments.collect::<Option<Vec<String>>>()?.join("/"))
}
