//! `servers` of a document, `host` and `basePath` of an old one: where calls go.
//!
//! Credentials in an address are never copied.

use gateway::yaml::Place;
use url::Url;

use crate::import::{notes::Notes, tree::Tree};

/// Where a server is.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) place: Place,
    /// The whole address; `None`: the document says only the path.
    pub(super) endpoint: Option<String>,
    /// Its path.
    pub(super) path: String,
}

impl Address {
    pub(super) fn nowhere(place: Place) -> Self {
        Self { place, endpoint: None, path: String::new() }
    }
}

/// Returns the first server that can be one, and notes the others.
pub(super) fn first(servers: Option<Tree<'_>>, field: &str, notes: &mut Notes) -> Option<Address> {
    let mut chosen: Option<Address> = None;
    for server in servers.map(Tree::items).unwrap_or_default() {
        let server = Tree(server);
        let field = format!("{field}[].url");
        match address(server, &field, notes) {
            Ok(address)
                if chosen.as_ref().is_none_or(|chosen| chosen.endpoint.is_none() && address.endpoint.is_some()) =>
            {
                chosen = Some(address);
            }
            Ok(address) => notes.left(address.place, &field, "the first server is taken; name another as the endpoint"),
            Err(reason) => notes.left(server.place(), &field, reason),
        }
    }
    chosen
}

fn address(server: Tree<'_>, field: &str, notes: &mut Notes) -> Result<Address, &'static str> {
    let written = server.get("url").ok_or("the server has no `url`")?;
    let template = written.text().ok_or("the server has no `url`")?.trim();
    let (url, is_filled) = fill(template, server.get("variables"))?;
    if is_filled {
        notes.changed(written.place(), field, "endpointConfigurations", "variables have their defaults");
    }
    of_url(&url, written.place(), (field, notes))
}

/// Puts in the variables' defaults.
fn fill(template: &str, variables: Option<Tree<'_>>) -> Result<(String, bool), &'static str> {
    let mut filled = String::new();
    let mut rest = template;
    let mut is_filled = false;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a brace in its `url` is not closed")?;
        let default = variables.and_then(|variables| variables.at(&[name, "default"])).and_then(Tree::text);
        filled.push_str(before);
        filled.push_str(default.ok_or("a variable in its `url` has no default")?);
        is_filled = true;
        rest = after;
    }
    filled.push_str(rest);
    Ok((filled, is_filled))
}

fn of_url(written: &str, place: Place, (field, notes): (&str, &mut Notes)) -> Result<Address, &'static str> {
    let absolute = if written.starts_with("//") { format!("https:{written}") } else { written.to_owned() };
    if !absolute.contains("://") {
        let path = absolute.split(['?', '#']).next().unwrap_or_default();
        return Ok(Address { place, endpoint: None, path: path.trim_matches('.').to_owned() });
    }
    let mut url = Url::parse(&absolute).map_err(|_| "its `url` is no address")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only `http` and `https` servers are called");
    }
    if !url.username().is_empty() || url.password().is_some() {
        notes.changed(place, field, "endpointConfigurations", "the credentials in it were left out");
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| "its `url` is no address")?;
    }
    if url.query().is_some() || url.fragment().is_some() {
        notes.changed(place, field, "endpointConfigurations", "an endpoint has neither query nor fragment");
        url.set_query(None);
        url.set_fragment(None);
    }
    let endpoint = url.as_str().trim_end_matches('/').to_owned();
    Ok(Address { place, endpoint: Some(endpoint), path: url.path().to_owned() })
}

/// `schemes`, `host` and `basePath` of OpenAPI 2.0.
pub(super) fn swagger(root: Tree<'_>, notes: &mut Notes) -> Address {
    let base = root.get("basePath");
    let path = base.and_then(Tree::text).unwrap_or_default();
    let place = base.or_else(|| root.get("host")).map_or(root.place(), Tree::place);
    let Some(host) = root.text_of("host") else {
        return Address { place, endpoint: None, path: path.to_owned() };
    };
    let schemes: Vec<&str> = root
        .get("schemes")
        .map(Tree::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|scheme| Tree(scheme).text())
        .collect();
    let scheme = if schemes.contains(&"https") || !schemes.contains(&"http") { "https" } else { "http" };
    let written = format!("{scheme}://{host}/{}", path.trim_start_matches('/'));
    match of_url(&written, place, ("host", notes)) {
        Ok(address) => address,
        Err(reason) => {
            notes.left(place, "host", reason);
            Address { place, endpoint: None, path: path.to_owned() }
        }
    }
}
