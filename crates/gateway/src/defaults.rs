//! The list of defaults: a YAML file that says nothing new.
//!
//! Each field with its meaning. What is left out by default is commented out (`#name: value`). Made of what the binder
//! reads, so the file that is printed means the same as an empty one.

use std::fmt::Write;

use crate::{
    bind::{Absence, Definitions, FieldDescription, Support, Type, TypeDescription, VariantDescription},
    schema::{FileKind, definitions, field_text},
};

/// Returns every field of a configuration file with its meaning and default, as commented YAML.
///
/// What must be there has no default and is commented out too: fill it in, and the file loads.
pub fn defaults(kind: FileKind) -> String {
    let (definitions, root) = definitions(kind);
    let mut page = Page { definitions: &definitions, text: String::new() };
    page.line(
        Indent::default(),
        match kind {
            FileKind::Operator => "# countersign.yaml, the operator's file: every field and its default.",
            FileKind::Api => "# An API definition (apk-conf): every field and its default.",
        },
    );
    page.record(Indent::default(), root);
    page.text
}

struct Page<'a> {
    definitions: &'a Definitions,
    text: String,
}

/// Where a line begins: so many levels, then the comment sign if it is commented out, then more levels.
#[derive(Clone, Copy, Default)]
struct Indent {
    before: usize,
    commented: Option<usize>,
}

impl Indent {
    fn deeper(self) -> Self {
        match self.commented {
            Some(after) => Self { commented: Some(after + 1), ..self },
            None => Self { before: self.before + 1, ..self },
        }
    }

    fn commented(self) -> Self {
        Self { commented: Some(self.commented.unwrap_or(0)), ..self }
    }
}

impl<'a> Page<'a> {
    fn line(&mut self, indent: Indent, text: &str) {
        let before = "  ".repeat(indent.before);
        let sign = if indent.commented.is_some() { "#" } else { "" };
        let after = "  ".repeat(indent.commented.unwrap_or(0));
        // INVARIANT: writing to a string cannot fail.
        let _ = writeln!(self.text, "{before}{sign}{after}{text}");
    }

    fn record(&mut self, indent: Indent, name: &str) {
        if let Some(TypeDescription::Record(fields)) = self.content(name) {
            self.fields(indent, fields);
        }
    }

    fn fields(&mut self, indent: Indent, fields: &[FieldDescription]) {
        for field in fields {
            self.field(indent, field);
        }
    }

    /// An example of a list's item; of a tagged one, an example of each kind.
    fn item(&mut self, indent: Indent, name: &str) {
        match self.content(name) {
            Some(TypeDescription::Record(_)) => {
                self.line(indent, "-");
                self.record(indent.deeper(), name);
            }
            Some(TypeDescription::Tagged { tag, variants }) => {
                let built = variants.iter().filter(|variant| variant.support == Support::Built);
                built.for_each(|variant| self.variant(indent, tag, variant));
            }
            None => {}
        }
    }

    fn variant(&mut self, indent: Indent, tag: &str, variant: &VariantDescription) {
        self.line(indent, "-");
        self.line(indent.deeper(), &format!("# {}", variant.about));
        self.line(indent.deeper(), &format!("{tag}: {}", variant.words.first().unwrap_or(&"")));
        self.fields(indent.deeper(), &variant.fields);
    }

    fn field(&mut self, indent: Indent, field: &FieldDescription) {
        if field.feature.is_some() {
            return;
        }
        self.line(indent, &format!("# {}{}{}", field_text(field), words_text(&field.of), absence_text(field.absence)));
        match field.absence {
            Absence::Default(default) => self.with_default(indent, field, default),
            Absence::Inherited(default) => self.line(indent.commented(), &format!("{}: {default}", field.name)),
            Absence::Forbidden => match nested(&field.of) {
                Some(Nested::Record(record)) => self.block(indent, field.name, record),
                None | Some(Nested::ListOf(_)) => self.without_default(indent, field),
            },
            Absence::Nothing => self.without_default(indent, field),
        }
    }

    fn with_default(&mut self, indent: Indent, field: &FieldDescription, default: &str) {
        match (nested(&field.of), indent.commented) {
            (Some(Nested::Record(record)), _) if default == "{}" => self.block(indent, field.name, record),
            (Some(Nested::ListOf(_)), Some(_)) => self.without_default(indent, field),
            (Some(Nested::ListOf(item)), None) => {
                self.line(indent, &format!("{}: {default}", field.name));
                self.item(indent.commented().deeper(), item);
            }
            (Some(Nested::Record(_)) | None, _) => self.line(indent, &format!("{}: {default}", field.name)),
        }
    }

    fn without_default(&mut self, indent: Indent, field: &FieldDescription) {
        let indent = indent.commented();
        self.line(indent, &format!("{}:", field.name));
        match nested(&field.of) {
            Some(Nested::Record(record)) => self.record(indent.deeper(), record),
            Some(Nested::ListOf(item)) => self.item(indent.deeper(), item),
            None => {}
        }
    }

    /// A record of which at least one field is written out, or an empty one with comments.
    fn block(&mut self, indent: Indent, name: &str, record: &str) {
        let is_empty = indent.commented.is_none() && self.writes_nothing(record);
        let start = if is_empty { format!("{name}: {{}}") } else { format!("{name}:") };
        self.line(indent, &start);
        self.record(indent.deeper(), record);
    }

    fn content(&self, name: &str) -> Option<&'a TypeDescription> {
        self.definitions.find(name).map(|definition| &definition.content)
    }

    fn writes_nothing(&self, record: &str) -> bool {
        let is_silent = |field: &FieldDescription| match field.absence {
            Absence::Nothing | Absence::Inherited(_) => true,
            Absence::Forbidden => nested(&field.of).is_none(),
            Absence::Default(_) => false,
        };
        match self.content(record) {
            Some(TypeDescription::Record(fields)) => fields.iter().all(is_silent),
            Some(TypeDescription::Tagged { .. }) | None => false,
        }
    }
}

/// A record inside a field.
enum Nested {
    Record(&'static str),
    ListOf(&'static str),
}

fn nested(of: &Type) -> Option<Nested> {
    match of {
        Type::Named(name) => Some(Nested::Record(name)),
        Type::List(item) => match **item {
            Type::Named(name) => Some(Nested::ListOf(name)),
            _ => None,
        },
        Type::AnyOf(types) => {
            types.iter().find_map(|of| nested(of).filter(|nested| matches!(nested, Nested::ListOf(_))))
        }
        Type::NamedOrText(_) | Type::Words(_) | Type::Scalar(_) | Type::Map(_) | Type::Anything => None,
    }
}

fn words_text(of: &Type) -> String {
    match of {
        Type::Words(words) => format!(" One of `{}`.", words.join("`, `")),
        Type::Named(_)
        | Type::NamedOrText(_)
        | Type::Scalar(_)
        | Type::List(_)
        | Type::Map(_)
        | Type::AnyOf(_)
        | Type::Anything => String::new(),
    }
}

fn absence_text(absence: Absence) -> &'static str {
    match absence {
        Absence::Forbidden => " Required.",
        Absence::Nothing | Absence::Default(_) | Absence::Inherited(_) => "",
    }
}
