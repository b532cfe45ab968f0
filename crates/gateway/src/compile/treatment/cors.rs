//! `corsConfiguration`: origins as browsers write them, and what a wildcard may not be combined with.

use http::{HeaderName, HeaderValue, Method};

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::Spanned,
    spec,
    treatment::{Cors, CorsMethods, Credentials, Origins},
};

/// Compiles CORS that is on.
pub(super) fn compile(written: &spec::Cors, diagnostics: &mut Diagnostics) -> Option<Cors> {
    let errors = diagnostics.error_count();
    let credentials = if written.allow_credentials.value { Credentials::Sent } else { Credentials::LeftOut };
    let cors = Cors {
        origins: origins(written, diagnostics),
        credentials,
        methods: methods(&written.allow_methods, diagnostics),
        headers: list((&written.allow_headers, "accessControlAllowHeaders"), credentials, diagnostics),
        exposed: list((&written.expose_headers, "accessControlExposeHeaders"), credentials, diagnostics),
        max_age: Some(written.max_age.value).filter(|seconds| *seconds > 0).map(HeaderValue::from),
    };
    (diagnostics.error_count() == errors).then_some(cors)
}

fn origins(written: &spec::Cors, diagnostics: &mut Diagnostics) -> Origins {
    let origins = &written.allow_origins;
    if origins.is_empty() {
        let message = "CORS is on, and no origin may call: preflights are refused";
        let hint = "list them in `accessControlAllowOrigins`";
        let warning = Diagnostic::warning(DiagnosticCode::MissingField, &written.enabled.span, message);
        diagnostics.push(warning.with_hint(hint));
    }
    let Some(any) = origins.iter().find(|origin| origin.value == "*") else {
        return Origins::Listed(origins.iter().filter_map(|origin| listed(origin, diagnostics)).collect());
    };
    if written.allow_credentials.value {
        let message = "`*` with credentials would give every page of the web its readers' data";
        let hint = "list the origins, or set `accessControlAllowCredentials: false`";
        diagnostics.push(Diagnostic::error(DiagnosticCode::ConflictingFields, &any.span, message).with_hint(hint));
    }
    Origins::Any
}

/// Reads one origin (RFC 6454 §6.1). What no browser sends allows nobody, so it is only worth a warning.
fn listed(origin: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<HeaderValue> {
    let text = origin.value.as_str();
    if text == "null" || text.contains('*') {
        let message = format!("`{text}` is no origin that can be trusted");
        let hint = "`null` is any page in a sandbox; write each origin out, such as `https://shop.example.com`";
        diagnostics.push(Diagnostic::error(DiagnosticCode::InvalidValue, &origin.span, message).with_hint(hint));
        return None;
    }
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none_or(|url| url.origin().ascii_serialization() != text) {
        let message = format!("no browser sends the origin `{text}`, so it allows nobody");
        let hint = "an origin is a scheme, a host in lower case, and a port that is not the scheme's own: \
                    `https://shop.example.com`";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, &origin.span, message).with_hint(hint));
    }
    HeaderValue::from_str(text).ok()
}

fn methods(written: &[Spanned<String>], diagnostics: &mut Diagnostics) -> CorsMethods {
    if written.is_empty() || written.iter().any(|method| method.value == "*") {
        return CorsMethods::Declared;
    }
    let methods = written.iter().filter_map(|method| {
        let known = Method::from_bytes(method.value.to_ascii_uppercase().as_bytes()).ok();
        if known.is_none() {
            let message = format!("`{}` is no method", method.value);
            diagnostics.error(DiagnosticCode::InvalidValue, &method.span, message);
        }
        known
    });
    CorsMethods::Listed(methods.collect())
}

/// Joins a list of field names.
fn list(
    (written, field): (&[Spanned<String>], &str),
    credentials: Credentials,
    diagnostics: &mut Diagnostics,
) -> Option<HeaderValue> {
    for name in written.iter().filter(|name| HeaderName::from_bytes(name.value.as_bytes()).is_err()) {
        diagnostics.error(DiagnosticCode::InvalidValue, &name.span, format!("`{}` is no header name", name.value));
    }
    if let Some(any) = written.iter().find(|name| name.value == "*" && credentials == Credentials::Sent) {
        let message = format!("with credentials, browsers take `*` in `{field}` for the name of a field");
        diagnostics.warning(DiagnosticCode::WeakSetting, &any.span, message);
    }
    let names: Vec<&str> = written.iter().map(|name| name.value.as_str()).collect();
    HeaderValue::try_from(names.join(", ")).ok().filter(|_| !names.is_empty())
}
