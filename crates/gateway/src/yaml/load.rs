//! Builds the tree from the parser's events, with an explicit stack and budgets against bombs.

use std::{collections::HashSet, path::Path, sync::Arc};

use foldhash::HashMap;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{
    Entry, Node, NodeKind, Place, Scalar, Style,
    offsets::Offsets,
    resolve::{Resolved, shorten},
};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    span::Span,
};

/// The largest file, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// How many collections may lie inside one another.
const MAX_DEPTH: usize = 64;
/// How many nodes a file may hold, every alias counted as what it stands for.
const MAX_NODES: usize = 2_000_000;
/// How many of them may come from aliases.
const MAX_ALIASED_NODES: usize = 100_000;

/// Reads one document. `None`: unusable, and reported.
pub(crate) fn load(text: &str, file: &Arc<Path>, diagnostics: &mut Diagnostics) -> Option<Node> {
    let text_without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = u32::try_from(text.len() - text_without_mark.len()).unwrap_or(0);
    let offsets = Offsets::of(text_without_mark, skipped);
    let mut loader = Loader::new(file, offsets, diagnostics);
    match loader.load(text_without_mark) {
        Ok(root) => Some(root),
        Err(stop) => {
            loader.report(&stop);
            None
        }
    }
}

/// Reads every document of a file, for those who convert files of other products. Empty ones are left out; reading ends at
/// the first that is no YAML.
pub fn load_documents(text: &str, file: &Arc<Path>, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let text_without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = u32::try_from(text.len() - text_without_mark.len()).unwrap_or(0);
    let offsets = Offsets::of(text_without_mark, skipped);
    let mut loader = Loader::new(file, offsets, diagnostics);
    match loader.load_all(text_without_mark) {
        Ok(documents) => documents,
        Err(stop) => {
            loader.report(&stop);
            Vec::new()
        }
    }
}

/// Reads the text of a default, which has no mistakes; everything in it stands at `place`.
pub(super) fn load_default(text: &str, place: Place) -> Node {
    let file: Arc<Path> = Arc::from(Path::new("default"));
    let empty = Node { place, end: place.offset, kind: NodeKind::Mapping(Vec::new()) };
    let mut node = load(text, &file, &mut Diagnostics::new()).unwrap_or(empty);
    node.move_to(place);
    node
}

/// Why reading ended early.
struct Stop {
    code: DiagnosticCode,
    place: Place,
    message: String,
    hint: Option<String>,
}

/// A collection that is not complete yet.
struct Open {
    place: Place,
    anchor: usize,
    /// How many nodes there were before it.
    nodes_before: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<(String, Place)> },
}

struct Anchored {
    node: Node,
    nodes: usize,
}

struct Loader<'a> {
    file: &'a Arc<Path>,
    offsets: Offsets,
    diagnostics: &'a mut Diagnostics,
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    aliased_nodes: usize,
    root: Option<Node>,
}

impl<'a> Loader<'a> {
    fn new(file: &'a Arc<Path>, offsets: Offsets, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            file,
            offsets,
            diagnostics,
            stack: Vec::new(),
            anchors: HashMap::default(),
            nodes: 0,
            aliased_nodes: 0,
            root: None,
        }
    }

    fn load(&mut self, text: &str) -> Result<Node, Stop> {
        refuse_unreadable(text, &self.offsets)?;
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| self.syntax_error(&error, text))?;
            let place = self.offsets.place(span, text);
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
                if documents > 1 {
                    self.report(&several_documents(place));
                    break;
                }
            }
            self.take(event, place)?;
        }
        self.root.take().filter(|root| !root.is_nothing()).ok_or_else(empty_file)
    }

    fn load_all(&mut self, text: &str) -> Result<Vec<Node>, Stop> {
        refuse_unreadable(text, &self.offsets)?;
        let mut documents = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| self.syntax_error(&error, text))?;
            let place = self.offsets.place(span, text);
            if matches!(event, Event::DocumentEnd) {
                documents.extend(self.root.take().filter(|root| !root.is_nothing()));
                self.anchors.clear();
            }
            self.take(event, place)?;
        }
        if documents.is_empty() { Err(empty_file()) } else { Ok(documents) }
    }

    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) | Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Scalar(text, style, anchor, tag) => {
                let style = self.scalar_style(style, tag.as_deref(), place);
                self.node(place, anchor, NodeKind::Scalar(Scalar { text: text.into_owned(), style }))
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                self.open(place, anchor, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), place);
                self.open(place, anchor, Content::Mapping { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
        }
    }

    fn node(&mut self, place: Place, anchor: usize, kind: NodeKind) -> Result<(), Stop> {
        self.count(1, place)?;
        let node = Node { place, end: place.offset.saturating_add(place.length), kind };
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes: 1 });
        }
        self.attach(node)
    }

    fn open(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), Stop> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_large(place, &format!("more than {MAX_DEPTH} lists and mappings inside one another")));
        }
        self.stack.push(Open { place, anchor, nodes_before: self.nodes, content });
        self.count(1, place)
    }

    fn close(&mut self, end: Place) -> Result<(), Stop> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let kind = match open.content {
            Content::Sequence(items) => NodeKind::Sequence(items),
            Content::Mapping { entries, .. } => NodeKind::Mapping(self.without_duplicates(entries)),
        };
        let node = Node { place: open.place, end: end.offset.saturating_add(1), kind };
        if open.anchor > 0 {
            let nodes = self.nodes - open.nodes_before;
            self.anchors.insert(open.anchor, Anchored { node: node.clone(), nodes });
        }
        self.attach(node)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Stop> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(syntax(place, "an alias inside its own anchor".to_owned()));
        };
        self.aliased_nodes += anchored.nodes;
        if self.aliased_nodes > MAX_ALIASED_NODES {
            return Err(too_large(place, &format!("aliases that stand for more than {MAX_ALIASED_NODES} nodes")));
        }
        let (node, nodes) = (anchored.node.clone(), anchored.nodes);
        self.count(nodes, place)?;
        self.attach(node)
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(too_large(place, &format!("more than {MAX_NODES} nodes"))) } else { Ok(()) }
    }

    /// Puts a finished node where it belongs: into the open collection, or as the root.
    fn attach(&mut self, node: Node) -> Result<(), Stop> {
        let Some(open) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key } => match key.take() {
                Some((text, place)) => entries.push(entry(text, place, node)),
                None => *key = Some(key_of(node)?),
            },
        }
        Ok(())
    }

    fn without_duplicates(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let mut keys = HashSet::with_capacity(entries.len());
        let is_first: Vec<bool> = entries.iter().map(|entry| keys.insert(entry.key.as_str())).collect();
        for (entry, _) in entries.iter().zip(&is_first).filter(|(_, is_first)| !**is_first) {
            let message = format!("`{}` stands twice in this mapping", shorten(&entry.key));
            self.report(&Stop { code: DiagnosticCode::DuplicateKey, place: entry.place, message, hint: None });
        }
        let mut is_first = is_first.into_iter();
        entries.retain(|_| is_first.next().unwrap_or(true));
        entries
    }

    fn scalar_style(&mut self, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Style {
        self.check_tag(tag, place);
        let is_text_tag = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        match style {
            ScalarStyle::Plain if !is_text_tag => Style::Plain,
            _ => Style::Text,
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, place: Place) {
        let is_known = |tag: &Tag| {
            tag.is_yaml_core_schema()
                && matches!(tag.suffix.as_str(), "str" | "int" | "float" | "bool" | "null" | "seq" | "map")
        };
        if let Some(tag) = tag.filter(|tag| !is_known(tag)) {
            self.report(&syntax(place, format!("the tag `{}` means nothing here", shorten(&tag.to_string()))));
        }
    }

    fn syntax_error(&self, error: &saphyr_parser::ScanError, text: &str) -> Stop {
        let stop = syntax(self.offsets.point(error.marker()), format!("not YAML: {}", error.info()));
        let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
        let indent: String = line.chars().take_while(|character| character.is_whitespace()).collect();
        let hint = indent.contains('\t').then(|| "indent with spaces: YAML takes no tabs there".to_owned());
        Stop { hint, ..stop }
    }

    fn report(&mut self, stop: &Stop) {
        let span = Span::new(self.file, stop.place);
        let diagnostic = Diagnostic::error(stop.code, &span, stop.message.clone());
        self.diagnostics.push(Diagnostic { hint: stop.hint.clone(), ..diagnostic });
    }
}

impl Node {
    fn is_nothing(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Null)
    }
}

/// Makes an entry; a value that is not there stands where its key does.
fn entry(key: String, place: Place, mut value: Node) -> Entry {
    if matches!(&value.kind, NodeKind::Scalar(scalar) if scalar.text.is_empty() && scalar.style == Style::Plain) {
        value.place = place;
        value.end = place.offset.saturating_add(place.length);
    }
    Entry { key, place, value }
}

fn key_of(node: Node) -> Result<(String, Place), Stop> {
    match node.kind {
        NodeKind::Scalar(scalar) => Ok((scalar.text, node.place)),
        NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
            Err(syntax(node.place, "a list or a mapping cannot be a key".to_owned()))
        }
    }
}

/// Refuses what the parser would take for the end of the text, and what nobody can see.
fn refuse_unreadable(text: &str, offsets: &Offsets) -> Result<(), Stop> {
    if text.len() > MAX_BYTES {
        return Err(too_large(Place::START, &format!("more than {} MiB", MAX_BYTES >> 20)));
    }
    let is_control = |character: char| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}');
    let Some(offset) = text.find(is_control) else { return Ok(()) };
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    let line = before.matches('\n').count() + 1;
    let place = offsets.point(&Marker::new(before.chars().count(), line, column));
    Err(syntax(place, "not YAML: a control character".to_owned()))
}

fn empty_file() -> Stop {
    let message = "the file has no content".to_owned();
    Stop { code: DiagnosticCode::EmptyFile, place: Place::START, message, hint: None }
}

fn several_documents(place: Place) -> Stop {
    let message = "a second document starts here".to_owned();
    let hint = Some("put each document into a file of its own".to_owned());
    Stop { code: DiagnosticCode::SeveralDocuments, place, message, hint }
}

fn syntax(place: Place, message: String) -> Stop {
    Stop { code: DiagnosticCode::YamlSyntax, place, message, hint: None }
}

fn too_large(place: Place, what: &str) -> Stop {
    let message = format!("the file holds too much: {what}");
    Stop { code: DiagnosticCode::YamlTooLarge, place, message, hint: None }
}
