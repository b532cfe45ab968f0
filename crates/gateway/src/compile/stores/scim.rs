//! `scim`: the filter and the paths, parsed, and the service that they are sent to.

use std::{collections::BTreeMap, sync::Arc};

use stores::{FilterTemplate, ScimFind, ScimPath, ScimSelection, ScimSettings, ScimStore, UserMatch};

use super::{
    Reading, attribute_map, require_attributes,
    service::{service_settings, warn_of_clear_text},
};
use crate::{diagnostic::DiagnosticCode, issuer_keys::chain, spec};

pub(super) fn scim_store(
    name: &Arc<str>,
    (written, scim): (&spec::UserStore, &spec::ScimStore),
    reading: &mut Reading<'_>,
) -> Option<ScimStore> {
    warn_of_clear_text(&scim.url, "users' attributes", reading);
    if scim.url.value.url.query().is_some() {
        reading.error(DiagnosticCode::InvalidValue, &scim.url.span, "the base address must not have a query (`?…`)");
    }
    let find = find(scim, reading);
    let paths = paths(written, reading);
    let service = service_settings(scim.authorization.as_ref(), &scim.connection, reading);
    require_attributes(written, "nickName: nickname", reading);
    let attributes = attribute_map(written, reading)?;
    let selection = if scim.select_attributes.value { ScimSelection::Needed } else { ScimSelection::Default };
    let url = scim.url.value.url.clone();
    let settings = ScimSettings {
        url,
        find: find?,
        user_match: scim.user_match,
        selection,
        attributes,
        paths: paths?,
        service: service?,
    };
    ScimStore::new(Arc::clone(name), settings)
        .map_err(|error| reading.error(DiagnosticCode::UnusableKey, &written.span, chain(&error)))
        .ok()
}

fn find(scim: &spec::ScimStore, reading: &mut Reading<'_>) -> Option<ScimFind> {
    match scim.find {
        spec::ScimFind::Id => Some(ScimFind::Id),
        spec::ScimFind::Filter => {
            let template = FilterTemplate::parse(&scim.filter.value).and_then(|template| match scim.user_match {
                UserMatch::Exact => template.require_exact().map(|()| template),
                UserMatch::Store => Ok(template),
            });
            let template = template.map_err(|error| {
                reading.error(DiagnosticCode::InvalidValue, &scim.filter.span, format!("`filter`: {error}"));
            });
            template.ok().map(ScimFind::Filter)
        }
    }
}

/// Reads the keys of `attributes`; every one that cannot be read is reported.
fn paths(written: &spec::UserStore, reading: &mut Reading<'_>) -> Option<BTreeMap<Box<str>, ScimPath>> {
    let mut paths = BTreeMap::new();
    let mut is_sound = true;
    for (raw, _) in written.attributes.iter().flat_map(|entries| &entries.value) {
        match ScimPath::parse(&raw.value) {
            Ok(path) => drop(paths.insert(raw.value.as_str().into(), path)),
            Err(error) => {
                let message = format!("`{}` is no SCIM path: {error}", raw.value);
                reading.error(DiagnosticCode::InvalidValue, &raw.span, message);
                is_sound = false;
            }
        }
    }
    is_sound.then_some(paths)
}
