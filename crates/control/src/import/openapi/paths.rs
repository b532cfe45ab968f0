//! `paths`: the operations, each with its target, its endpoint and what it asks of callers.

use std::str::FromStr as _;

use gateway::{
    Conflict, OperationRoutes,
    yaml::{Entry, Place},
};
use http::Method;

use super::{EXTENSIONS, security::Schemes, servers, targets};
use crate::import::{
    draft::{Credential, OperationDraft},
    notes::Notes,
    tree::Tree,
};

/// The walk over a document's paths.
#[derive(Debug)]
pub(super) struct Paths<'a> {
    root: Tree<'a>,
    schemes: &'a Schemes,
    notes: &'a mut Notes,
    routes: OperationRoutes,
    operations: Vec<OperationDraft>,
    credentials: Vec<Credential>,
}

/// One operation as it stands in the document.
#[derive(Clone, Copy)]
struct Found<'a> {
    template: &'a str,
    verb: &'a str,
    item: Tree<'a>,
    operation: Tree<'a>,
    place: Place,
}

const VERBS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

impl<'a> Paths<'a> {
    pub(super) fn new(root: Tree<'a>, schemes: &'a Schemes, notes: &'a mut Notes) -> Self {
        let routes = OperationRoutes::default();
        Self { root, schemes, notes, routes, operations: Vec::new(), credentials: Vec::new() }
    }

    /// Goes through all paths, in the document's order.
    pub(super) fn walk(&mut self) {
        let Some(paths) = self.root.get("paths").filter(|paths| paths.is_mapping()) else {
            self.notes.left(self.root.place(), "paths", "there are none: the API has no operations");
            return;
        };
        for entry in paths.entries() {
            match entry.key.as_str() {
                key if key.starts_with("x-") => self.notes.left(entry.place, "x-…", EXTENSIONS),
                template => self.path(template, entry),
            }
        }
    }

    /// Returns the operations, and what their callers are asked for.
    pub(super) fn finish(self) -> (Vec<OperationDraft>, Vec<Credential>) {
        (self.operations, self.credentials)
    }

    fn path(&mut self, template: &'a str, entry: &'a Entry) {
        let written = Tree(&entry.value);
        let Some(item) = self.resolve(written) else {
            let reason = "its `$ref` leads out of the document, or nowhere";
            self.notes.left(entry.place, &format!("paths.{template}"), reason);
            return;
        };
        for part in item.entries() {
            let place = part.place;
            match part.key.as_str() {
                verb if VERBS.contains(&verb) => {
                    let operation = Tree(&part.value);
                    self.operation(Found { template, verb, item, operation, place });
                }
                "trace" | "query" => {
                    let reason = "the gateway does not forward this verb";
                    self.notes.left(place, &format!("paths.{template}.{}", part.key), reason);
                }
                "additionalOperations" => {
                    for verb in Tree(&part.value).entries() {
                        let field = format!("paths.{template}.additionalOperations.{}", verb.key);
                        self.notes.left(verb.place, &field, "the gateway does not forward this verb");
                    }
                }
                "summary" | "description" | "parameters" | "servers" | "$ref" => {}
                key if key.starts_with("x-") => self.notes.left(place, "x-…", EXTENSIONS),
                key => self.notes.left(place, &format!("paths.{template}.{key}"), "a path has no such part"),
            }
        }
    }

    /// Follows a local reference; a path that refers elsewhere is `None`.
    fn resolve(&self, mut item: Tree<'a>) -> Option<Tree<'a>> {
        // A few steps: a document may refer in circles.
        for _ in 0..8 {
            let Some(reference) = item.text_of("$ref") else { return Some(item) };
            item = self.root.pointer(reference.strip_prefix('#')?)?;
        }
        None
    }

    fn operation(&mut self, found: Found<'a>) {
        let Found { template, verb, operation, place, .. } = found;
        let field = format!("paths.{template}.{verb}");
        if operation.text().is_some() || operation.is_list() {
            self.notes.left(place, &field, "it is no operation");
            return;
        }
        let target = match targets::target(template) {
            Ok(target) => target,
            Err(reason) => {
                self.notes.left(place, &field, reason);
                return;
            }
        };
        self.note_parts(operation);
        let demand = self.schemes.demand(self.root, operation, self.notes);
        let draft = OperationDraft {
            target: target.text,
            verb: verb.to_ascii_uppercase(),
            is_open: demand.is_open,
            scopes: demand.scopes,
            needs_all_scopes: demand.needs_all_scopes,
            endpoint: self.endpoint(found),
        };
        match self.add(draft) {
            Ok(()) => {
                demand.credentials.into_iter().for_each(|credential| self.accept(credential));
                match target.widened {
                    Some(reason) => self.notes.changed(place, &field, "operations", reason),
                    None => self.notes.carried(place, "paths.*.*", "operations"),
                }
            }
            Err(reason) => self.notes.left(place, &field, &reason),
        }
    }

    /// Adds an operation unless another answers the same requests, which then asks no less of its callers.
    fn add(&mut self, draft: OperationDraft) -> Result<(), String> {
        let verb = Method::from_str(&draft.verb).map_err(|_| "the gateway does not forward this verb".to_owned())?;
        match self.routes.insert(&verb, &draft.target, self.operations.len()) {
            Ok(()) => {
                self.operations.push(draft);
                Ok(())
            }
            Err(Conflict::Target(error)) => Err(error.to_string()),
            Err(Conflict::Taken(other)) => {
                let Some(other) = self.operations.get_mut(other) else { return Ok(()) };
                let reason = format!("`{} {}` answers the same requests", other.verb, other.target);
                if other.demand_as(&draft) {
                    Err(format!("{reason}, and asks no less than this one"))
                } else {
                    Err(reason)
                }
            }
        }
    }

    fn accept(&mut self, credential: Credential) {
        if !self.credentials.contains(&credential) {
            self.credentials.push(credential);
        }
    }

    /// The servers of an operation, or of its path.
    fn endpoint(&mut self, found: Found<'a>) -> Option<String> {
        let servers = found.operation.get("servers").or_else(|| found.item.get("servers"))?;
        let address = servers::first(Some(servers), "paths.*.servers", self.notes)?;
        if address.endpoint.is_none() {
            let reason = "it has no host: the calls go to the API's endpoint";
            self.notes.left(address.place, "paths.*.servers[].url", reason);
        }
        address.endpoint
    }

    fn note_parts(&mut self, operation: Tree<'_>) {
        for part in operation.entries() {
            match part.key.as_str() {
                "callbacks" => {
                    self.notes.left(part.place, "paths.*.*.callbacks", "they are calls that the backend makes");
                }
                key if key.starts_with("x-") => self.notes.left(part.place, "x-…", EXTENSIONS),
                _ => {}
            }
        }
    }
}
