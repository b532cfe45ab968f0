//! CORS of an `APIPolicy` or an `api.yaml`: never opened further than browsers would open it there.

use gateway::yaml::Entry;

use super::{notes::Notes, text::list, tree::Tree};

/// The fields of `corsConfiguration`, and how they are written.
pub(super) type CorsDraft = Vec<(&'static str, String)>;

/// Their names there, and here.
const LISTS: [(&str, &str); 3] = [
    ("accessControlAllowHeaders", "accessControlAllowHeaders"),
    ("accessControlAllowMethods", "accessControlAllowMethods"),
    ("accessControlExposeHeaders", "accessControlExposeHeaders"),
];

/// Makes `corsConfiguration` of what stands in `entry`, which the notes call `field`; `switch` names the field that turns
/// it on, which is `is_on` where it is missing. `None`: it is off.
pub(super) fn import(
    entry: &Entry,
    (switch, is_on): (&str, bool),
    (field, notes): (&str, &mut Notes),
) -> Option<CorsDraft> {
    let written = Tree(&entry.value);
    let is_on = written.text_of(switch).map_or(is_on, |text| text == "true");
    notes.carried(entry.place, field, if is_on { "corsConfiguration" } else { "no `corsConfiguration`" });
    if !is_on {
        return None;
    }
    let mut draft: CorsDraft = vec![("corsConfigurationEnabled", "true".to_owned())];
    let origins = origins(written, (field, notes));
    draft.push(("accessControlAllowOrigins", list(origins.iter().copied())));
    let wants_credentials = written.text_of("accessControlAllowCredentials") == Some("true");
    if wants_credentials && origins.contains(&"*") {
        let reason = "`*` with credentials would give every page of the web its readers' data: list the origins";
        notes.changed(entry.place, &format!("{field}.accessControlAllowCredentials"), "false", reason);
    } else if wants_credentials {
        draft.push(("accessControlAllowCredentials", "true".to_owned()));
    }
    for (theirs, ours) in LISTS {
        let texts = texts(written, theirs);
        if !texts.is_empty() {
            draft.push((ours, list(texts)));
        }
    }
    let age = ["accessControlMaxAge", "accessControlAllowMaxAge"].iter().find_map(|name| written.text_of(name));
    if let Some(age) = age.and_then(|age| age.parse::<u64>().ok()) {
        draft.push(("accessControlAllowMaxAge", age.to_string()));
    }
    Some(draft)
}

/// Returns the origins that can be trusted: patterns, and the origin of every page in a sandbox, are left behind.
fn origins<'a>(written: Tree<'a>, (field, notes): (&str, &mut Notes)) -> Vec<&'a str> {
    let origins = written.get("accessControlAllowOrigins").map(Tree::items).unwrap_or_default();
    let mut kept = Vec::with_capacity(origins.len());
    for origin in origins {
        match Tree(origin).text() {
            Some(text) if text == "*" || (text != "null" && !text.contains('*')) => kept.push(text),
            Some(_) | None => {
                let reason = "patterns and `null` are no origins that can be trusted: write each origin out";
                notes.left(origin.place, &format!("{field}.accessControlAllowOrigins[]"), reason);
            }
        }
    }
    kept
}

fn texts<'a>(written: Tree<'a>, name: &str) -> Vec<&'a str> {
    written.get(name).map(Tree::items).unwrap_or_default().iter().filter_map(|item| Tree(item).text()).collect()
}
