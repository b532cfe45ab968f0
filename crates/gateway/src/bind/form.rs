//! One mapping, as a record sees it: it asks for its fields by name.
//!
//! The same questions serve three purposes: to read a mapping, to make a stand-in for one, and to describe the record for
//! the schema and the list of defaults. So what a record reads and what is documented cannot differ.

use super::{Absence, Binder, Definitions, FieldDescription, Type, Value, bind, describe, nearest, stand_in};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode},
    span::Span,
    spec::Feature,
    yaml::{Entry, Node, Place},
};

/// How many unknown fields of a file get a hint.
const MAX_HINTED: usize = 200;
/// How many known names a hint lists.
const MAX_LISTED: usize = 14;

/// A mapping to be asked for its fields.
pub(crate) struct Form<'f> {
    mode: Mode<'f>,
    span: Span,
}

enum Mode<'f> {
    Read {
        entries: &'f [Entry],
        place: Place,
        binder: &'f mut Binder,
        known: Vec<&'static str>,
        missing: Vec<&'static str>,
    },
    StandIn,
    Describe {
        fields: &'f mut Vec<FieldDescription>,
        definitions: &'f mut Definitions,
    },
}

impl<'f> Form<'f> {
    /// Reads a mapping.
    pub(super) fn read(entries: &'f [Entry], place: Place, binder: &'f mut Binder) -> Self {
        let span = binder.span(place);
        Self { mode: Mode::Read { entries, place, binder, known: Vec::new(), missing: Vec::new() }, span }
    }

    /// Makes a stand-in; everything in it stands at `span`.
    pub(super) fn stand_in(span: &Span) -> Self {
        Self { mode: Mode::StandIn, span: span.reported() }
    }

    /// Collects the fields' descriptions.
    pub(super) fn describe(fields: &'f mut Vec<FieldDescription>, definitions: &'f mut Definitions) -> Self {
        Self { mode: Mode::Describe { fields, definitions }, span: Span::nowhere() }
    }

    /// Returns where the mapping stands.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Reads a field that must be there.
    pub(crate) fn required<T: Value>(&mut self, name: &'static str, about: &'static str) -> T {
        self.note::<T>(FieldDescription::new(name, about).absence(Absence::Forbidden));
        match self.value(name) {
            Found::Value(value) => value,
            Found::Wrong(span) => stand_in(&span.reported()),
            Found::Absent => {
                if let Mode::Read { missing, .. } = &mut self.mode {
                    missing.push(name);
                }
                stand_in(&self.span.reported())
            }
        }
    }

    /// Reads a field that may be left out.
    pub(crate) fn optional<T: Value>(&mut self, name: &'static str, about: &'static str) -> Option<T> {
        self.note::<T>(FieldDescription::new(name, about));
        self.value(name).into_option()
    }

    /// Reads a field that is `default` when left out.
    pub(crate) fn defaulted<T: Value>(&mut self, name: &'static str, default: &'static str, about: &'static str) -> T {
        self.note::<T>(FieldDescription::new(name, about).absence(Absence::Default(default)));
        match self.value(name) {
            Found::Value(value) => value,
            Found::Wrong(_) | Found::Absent => self.default(name, default),
        }
    }

    /// Reads a field that, left out, gets its value somewhere else, in the end `default`.
    pub(crate) fn inherited<T: Value>(
        &mut self,
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Option<T> {
        self.note::<T>(FieldDescription::new(name, about).absence(Absence::Inherited(default)));
        self.value(name).into_option()
    }

    /// Reads a field that may ask for a feature which is not built yet.
    ///
    /// A value that is wrong in itself is reported for that alone.
    pub(crate) fn gated<T: Value>(
        &mut self,
        name: &'static str,
        (feature, is_asked_for): (Feature, fn(&T) -> bool),
        about: &'static str,
    ) -> Option<T> {
        self.note::<T>(FieldDescription::new(name, about).feature(feature));
        let errors_before = self.error_count();
        let value = self.value(name).into_option()?;
        if is_asked_for(&value) && self.error_count() == errors_before {
            self.refuse(name, feature);
        }
        Some(value)
    }

    /// Recognises a field of a feature that is not built yet, whatever its value.
    pub(crate) fn unbuilt(&mut self, name: &'static str, feature: Feature, about: &'static str) {
        if let Mode::Describe { fields, .. } = &mut self.mode {
            fields.push(FieldDescription::new(name, about).feature(feature).of(Type::Anything));
        }
        if self.entry(name).is_some() {
            self.refuse(name, feature);
        }
    }

    /// Recognises a field that has been read already.
    pub(super) fn skip(&mut self, name: &'static str) {
        self.entry(name);
    }

    /// Recognises a field whose value has no effect whatever it is.
    pub(crate) fn ignored(&mut self, name: &'static str, about: &'static str) {
        if let Mode::Describe { fields, .. } = &mut self.mode {
            fields.push(FieldDescription::new(name, about).of(Type::Anything));
        }
        self.entry(name);
    }

    /// Reports a feature that is not built yet, at the field that asks for it.
    pub(crate) fn refuse(&mut self, name: &'static str, feature: Feature) {
        let span = self.place_of(name);
        self.complain(DiagnosticCode::UnsupportedFeature, &span, format!("not supported yet: {}", feature.text()));
    }

    /// Adds an error.
    pub(crate) fn complain(&mut self, code: DiagnosticCode, span: &Span, message: String) {
        self.push(Diagnostic::error(code, span, message));
    }

    /// Adds a complaint.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if let Mode::Read { binder, .. } = &mut self.mode {
            binder.push(diagnostic);
        }
    }

    /// Returns where a field's name stands; without the field, where the mapping does.
    pub(crate) fn place_of(&self, name: &str) -> Span {
        match &self.mode {
            Mode::Read { entries, binder, .. } => {
                let entry = entries.iter().find(|entry| entry.key == name);
                entry.map_or_else(|| self.span(), |entry| binder.span(entry.place))
            }
            Mode::StandIn | Mode::Describe { .. } => self.span(),
        }
    }

    /// True when the mapping has the field, perhaps misspelt; to be asked when all fields have been read.
    pub(crate) fn seems_to_have(&self, name: &str) -> bool {
        let Mode::Read { entries, known, .. } = &self.mode else { return false };
        entries.iter().any(|entry| {
            entry.key == name || !known.contains(&entry.key.as_str()) && nearest(&entry.key, [name]).is_some()
        })
    }

    /// Reports every field that the record did not ask for, and every one that it misses.
    ///
    /// A required field that is only misspelt is one mistake: the unknown field is reported, with the right name.
    pub(super) fn refuse_wrong_names(self, record: &'static str) {
        let Mode::Read { entries, binder, known, mut missing, .. } = self.mode else { return };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("unknown field `{}`", crate::yaml::shorten(&entry.key));
            let diagnostic = Diagnostic::error(DiagnosticCode::UnknownField, &binder.span(entry.place), message);
            // Guessing costs time, and nobody reads thousands of guesses.
            let is_guessed = binder.error_count() < MAX_HINTED;
            let meant = if is_guessed { nearest(&entry.key, known.iter().copied()) } else { None };
            missing.retain(|name| meant != Some(name));
            let hint = if is_guessed { unknown_field_hint((&entry.key, meant), record, &known) } else { None };
            binder.push(Diagnostic { hint, ..diagnostic });
        }
        for name in missing {
            let message = format!("the field `{name}` is missing");
            binder.push(Diagnostic::error(DiagnosticCode::MissingField, &self.span, message));
        }
    }

    /// Returns how many errors the file has by now.
    pub(crate) fn error_count(&self) -> usize {
        match &self.mode {
            Mode::Read { binder, .. } => binder.error_count(),
            Mode::StandIn | Mode::Describe { .. } => 0,
        }
    }

    fn note<T: Value>(&mut self, field: FieldDescription) {
        if let Mode::Describe { fields, definitions } = &mut self.mode {
            let of = describe::<T>(definitions);
            fields.push(field.of(of));
        }
    }

    /// Finds a field and remembers its name.
    fn entry(&mut self, name: &'static str) -> Option<&'f Entry> {
        match &mut self.mode {
            Mode::Read { entries, known, .. } => {
                known.push(name);
                entries.iter().find(|entry| entry.key == name)
            }
            Mode::StandIn | Mode::Describe { .. } => None,
        }
    }

    fn value<T: Value>(&mut self, name: &'static str) -> Found<T> {
        let Some(entry) = self.entry(name) else { return Found::Absent };
        let Mode::Read { binder, .. } = &mut self.mode else { return Found::Absent };
        match binder.in_field(name, |binder| bind(&entry.value, binder)) {
            Some(value) => Found::Value(value),
            None => Found::Wrong(binder.span(entry.value.place)),
        }
    }

    /// Reads the default as if it were written, at the mapping's place.
    fn default<T: Value>(&mut self, name: &'static str, default: &'static str) -> T {
        let written = match &mut self.mode {
            Mode::Read { place, binder, .. } => {
                let node = Node::of_default(default, *place);
                binder.in_field(name, |binder| bind(&node, binder))
            }
            Mode::StandIn | Mode::Describe { .. } => None,
        };
        written.unwrap_or_else(|| stand_in(&self.span))
    }
}

/// A field's value, if any.
enum Found<T> {
    Value(T),
    /// Reported; this is where it stands.
    Wrong(Span),
    Absent,
}

impl<T> Found<T> {
    fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Wrong(_) | Self::Absent => None,
        }
    }
}

fn unknown_field_hint((key, meant): (&str, Option<&str>), record: &str, known: &[&'static str]) -> Option<String> {
    if key == "<<" {
        return Some("YAML 1.2 has no merge keys: repeat the fields, or alias the whole mapping".to_owned());
    }
    if record == "Api" && crate::spec::OPERATOR_ONLY_FIELDS.contains(&key) {
        return Some(format!("`{key}` belongs into the operator's file"));
    }
    match meant {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() || known.len() > MAX_LISTED => None,
        None => Some(format!("known here: {}", list(known))),
    }
}

/// Joins names for a message.
pub(super) fn list(names: &[&'static str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
