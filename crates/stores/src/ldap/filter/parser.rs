//! Takes a filter apart: RFC 4515 §3, with blanks and line ends between the filters of a list, as people write them.

use super::{Compared, FilterError, FilterProblem, Piece, Placeholder, Template};

/// How many filters may lie within one another.
const DEEPEST: usize = 32;

/// What is left to read, and what has been read.
pub(super) struct Parser<'t> {
    rest: &'t str,
    position: usize,
    placeholders: &'t [Placeholder],
    depth: usize,
    negations: usize,
    pieces: Vec<Piece>,
    compared: Vec<Compared>,
    attributes: Vec<Box<str>>,
}

/// A value of an item: literal runs, unescaped, and the placeholders between them.
struct Value {
    runs: Vec<Vec<u8>>,
    placeholders: Vec<Placeholder>,
    has_star: bool,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, placeholders: &'t [Placeholder]) -> Self {
        Self {
            rest: text,
            position: 1,
            placeholders,
            depth: 0,
            negations: 0,
            pieces: Vec::new(),
            compared: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// Reads one filter and nothing else.
    pub(super) fn parse(mut self) -> Result<Template, FilterError> {
        self.skip_blanks();
        self.filter()?;
        self.skip_blanks();
        if !self.rest.is_empty() {
            return Err(self.error(FilterProblem::Trailing));
        }
        Ok(Template { pieces: self.pieces, compared: self.compared, attributes: self.attributes })
    }

    /// Reads `( … )`.
    fn filter(&mut self) -> Result<(), FilterError> {
        if self.depth == DEEPEST {
            return Err(self.error(FilterProblem::TooDeep(DEEPEST)));
        }
        self.depth += 1;
        self.expect('(', "`(`")?;
        self.skip_blanks();
        match self.peek() {
            Some('&' | '|') => self.list()?,
            Some('!') => self.negation()?,
            _ => self.item()?,
        }
        self.expect(')', "`)`")?;
        self.depth -= 1;
        Ok(())
    }

    /// Reads `&` or `|` and the filters after it.
    fn list(&mut self) -> Result<(), FilterError> {
        self.take();
        self.skip_blanks();
        while self.peek() == Some('(') {
            self.filter()?;
            self.skip_blanks();
        }
        Ok(())
    }

    /// Reads `!` and the filter after it.
    fn negation(&mut self) -> Result<(), FilterError> {
        self.take();
        self.skip_blanks();
        self.negations += 1;
        self.filter()?;
        self.negations -= 1;
        self.skip_blanks();
        Ok(())
    }

    /// Reads an attribute, an operator and a value.
    fn item(&mut self) -> Result<(), FilterError> {
        let attribute = self.take_while(is_description);
        if attribute.is_empty() && self.peek() != Some(':') {
            return Err(self.error(FilterProblem::Expected("an attribute's name")));
        }
        // `:dn`, `:` and a matching rule make an extensible item, which asks for equality in its own way.
        let extension = self.take_while(|character| is_description(character) || character == ':');
        let is_ordering = extension.is_empty() && matches!(self.peek(), Some('~' | '<' | '>'));
        if is_ordering {
            self.take();
        }
        self.expect('=', "`=`, `~=`, `>=` or `<=`")?;
        let value = self.value()?;
        if attribute.is_empty() {
            return Ok(());
        }
        self.attributes.push(attribute.into());
        let is_equality = !is_ordering && !value.has_star && self.negations == 0;
        match (value.placeholders.as_slice(), value.runs.as_slice()) {
            ([Placeholder::User], [before, after]) if is_equality => {
                let (before, after) = (before.as_slice().into(), after.as_slice().into());
                self.compared.push(Compared { attribute: attribute.into(), before, after });
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads a value up to the closing parenthesis.
    fn value(&mut self) -> Result<Value, FilterError> {
        let start = self.position;
        let mut value = Value { runs: vec![Vec::new()], placeholders: Vec::new(), has_star: false };
        while let Some(character) = self.peek().filter(|character| *character != ')') {
            match character {
                '(' | '\0' => return Err(self.error(FilterProblem::Unescaped(character))),
                '{' => {
                    value.placeholders.push(self.placeholder()?);
                    value.runs.push(Vec::new());
                }
                '\\' => value.add(&[self.escape()?]),
                _ => {
                    value.has_star |= character == '*';
                    value.add(character.encode_utf8(&mut [0; 4]).as_bytes());
                    self.take();
                }
            }
        }
        value.check().map_err(|problem| FilterError::at(start, problem))?;
        Ok(value)
    }

    /// Reads `{user}` or `{dn}`.
    fn placeholder(&mut self) -> Result<Placeholder, FilterError> {
        let inside = self.rest.strip_prefix('{').unwrap_or_default();
        let (word, after) = inside.split_once('}').unwrap_or((inside, ""));
        let Some(placeholder) = self.placeholders.iter().copied().find(|placeholder| placeholder.word() == word) else {
            let word: String = word.chars().take(20).collect();
            return Err(self.error(FilterProblem::UnknownPlaceholder(word.into())));
        };
        self.position += word.len() + 2;
        self.rest = after;
        self.pieces.push(Piece::Placeholder(placeholder));
        Ok(placeholder)
    }

    /// Reads a backslash and two hexadecimal digits.
    fn escape(&mut self) -> Result<u8, FilterError> {
        let digits = self.rest.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = byte.ok_or_else(|| self.error(FilterProblem::Escape))?;
        (0..3).for_each(|_| self.take());
        Ok(byte)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes one character that must be there.
    fn expect(&mut self, expected: char, name: &'static str) -> Result<(), FilterError> {
        if self.peek() != Some(expected) {
            return Err(self.error(FilterProblem::Expected(name)));
        }
        self.take();
        Ok(())
    }

    /// Takes characters as long as they fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let text = self.rest;
        while self.peek().is_some_and(&fits) {
            self.take();
        }
        text.get(..text.len() - self.rest.len()).unwrap_or_default()
    }

    /// Takes one character into the filter's text.
    fn take(&mut self) {
        let Some(character) = self.skip() else { return };
        if let Some(Piece::Text(text)) = self.pieces.last_mut() {
            text.push(character);
        } else {
            self.pieces.push(Piece::Text(character.to_string()));
        }
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.skip();
        }
    }

    fn skip(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        self.position += 1;
        Some(character)
    }

    fn error(&self, problem: FilterProblem) -> FilterError {
        FilterError::at(self.position, problem)
    }
}

impl Value {
    fn add(&mut self, bytes: &[u8]) {
        if let Some(run) = self.runs.last_mut() {
            run.extend_from_slice(bytes);
        }
    }

    /// Checks where placeholders stand.
    fn check(&self) -> Result<(), FilterProblem> {
        let is_alone = self.runs.iter().all(Vec::is_empty);
        let has_equals = self.runs.iter().any(|run| run.contains(&b'='));
        match self.placeholders.as_slice() {
            [] => Ok(()),
            [_] if is_alone => Ok(()),
            [Placeholder::User] if has_equals => Err(FilterProblem::WithinDistinguishedName),
            [Placeholder::User] => Ok(()),
            [Placeholder::Dn, ..] | [_, Placeholder::Dn, ..] => Err(FilterProblem::NotAlone("dn")),
            [Placeholder::User, ..] => Err(FilterProblem::NotAlone("user")),
        }
    }
}

/// True for what attribute descriptions and matching rules consist of (RFC 4512 §2.5).
fn is_description(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | ';' | '_')
}
