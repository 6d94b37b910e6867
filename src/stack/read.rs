//! From a text to marked documents: anchors, aliases and merge keys are resolved, everything knows its place.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use indexmap::{IndexMap, map};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::budget::{Budget, NODE_WEIGHT};
use super::node::{Entry, MergeTag, Node, Value};
use super::problem::{Mark, Problem, Source};
use super::{scalar, syntax};

/// Deeper than anything a person writes, and shallow enough for every function that walks a document.
const MAX_DEPTH: usize = 100;

/// The text of a file, for error messages and reading. A byte order mark is dropped.
///
/// Text that isn't UTF-8 is an error with the place of the first wrong byte.
pub fn source(name: impl Into<String>, bytes: Vec<u8>) -> Result<Arc<Source>, Problem> {
    let name = name.into();
    match String::from_utf8(bytes) {
        Ok(text) => {
            let text = match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => text,
            };
            Ok(Arc::new(Source { name, text }))
        }
        Err(error) => {
            let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let mark = Mark { source: Arc::new(Source { name, text }), line, column };
            let message = "this byte isn't UTF-8; save the file as UTF-8".into();
            Err(Problem { mark: Some(mark), path: String::new(), message })
        }
    }
}

/// The documents of a text; none for an empty one. All problems that can be told apart come at once.
pub fn read_documents(source: &Arc<Source>) -> Result<Vec<Node>, Vec<Problem>> {
    parse(source, &mut Budget::default()).map(|parsed| parsed.documents)
}

/// Documents, and what is odd about them.
#[derive(Debug)]
pub struct Parsed {
    /// In their order.
    pub documents: Vec<Node>,
    /// Unknown tags, which Compose ignores.
    pub warnings: Vec<String>,
}

/// Reads within a budget that is shared with other texts.
pub fn parse(source: &Arc<Source>, budget: &mut Budget) -> Result<Parsed, Vec<Problem>> {
    let mut builder = Builder {
        source,
        budget,
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    for event in Parser::new_from_str(&source.text) {
        match event {
            Ok((event, span)) => {
                if let Err(fatal) = builder.event(event, span.start) {
                    builder.problems.push(fatal);
                    break;
                }
            }
            Err(error) => {
                let problem = syntax::problem(source, &error, builder.path());
                builder.problems.push(problem);
                break;
            }
        }
    }
    match builder.problems.is_empty() {
        true => Ok(Parsed { documents: builder.documents, warnings: builder.warnings }),
        false => Err(builder.problems),
    }
}

/// Puts nodes together from the parser's events. Never recursive: depth is the input's to choose.
struct Builder<'a> {
    source: &'a Arc<Source>,
    budget: &'a mut Budget,
    open: Vec<Open>,
    /// By the parser's number for it; nothing while the anchored node is still open.
    anchors: HashMap<usize, Option<(Node, Size)>>,
    documents: Vec<Node>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

/// A collection whose end hasn't come yet.
struct Open {
    mark: Mark,
    tag: MergeTag,
    anchor: usize,
    /// Of what is in it so far.
    size: Size,
    inside: Inside,
}

/// How much a node is.
#[derive(Clone, Copy)]
struct Size {
    /// As [`super::budget::weight`] counts.
    weight: usize,
    /// How many levels; 0 for a scalar.
    depth: usize,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping { entries: IndexMap<String, Entry>, merges: Vec<Node>, key: Option<Key> },
}

/// A mapping's key whose value is awaited.
enum Key {
    Text(String, Mark),
    /// `<<`
    Merge(Mark),
    /// Already reported; its value is dropped.
    Wrong,
}

impl Builder<'_> {
    /// An error ends the reading.
    fn event(&mut self, event: Event<'_>, at: Marker) -> Result<(), Problem> {
        let mark = self.mark(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let merge_key = style == ScalarStyle::Plain && text == "<<" && tag.is_none();
                let value = self.scalar(&text, style, tag.as_deref(), &mark);
                let node = Node { value, tag: self.merge_tag(tag.as_deref(), &mark), mark };
                let size = Size { weight: NODE_WEIGHT + text.len(), depth: 0 };
                if !self.budget.take(size.weight) {
                    return Err(self.too_much(node.mark));
                }
                self.remember(&node, size, anchor)?;
                self.place(node, size, merge_key)
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(Some((_, size))) if !self.budget.take(size.weight) => Err(self.too_much(mark)),
                Some(Some((node, size))) => {
                    let (node, size) = (node.clone(), *size);
                    self.place(node, size, false)
                }
                _ => Err(self.problem(mark, "this alias names a value that it is part of".into())),
            },
            Event::SequenceStart(anchor, tag) => {
                self.start(mark, tag.as_deref(), anchor, Inside::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Mapping { entries: IndexMap::new(), merges: Vec::new(), key: None };
                self.start(mark, tag.as_deref(), anchor, inside)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn start(&mut self, mark: Mark, tag: Option<&Tag>, anchor: usize, inside: Inside) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.problem(mark, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        if !self.budget.take(NODE_WEIGHT) {
            return Err(self.too_much(mark));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let tag = self.merge_tag(tag, &mark);
        self.open.push(Open { mark, tag, anchor, size: Size { weight: NODE_WEIGHT, depth: 1 }, inside });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(Open { mark, tag, anchor, size, inside }) = self.open.pop() else { return Ok(()) };
        let value = match inside {
            Inside::Sequence(items) => Value::Sequence(items),
            Inside::Mapping { mut entries, merges, .. } => {
                for merged in merges {
                    self.merge_into(&mut entries, merged);
                }
                Value::Mapping(entries)
            }
        };
        let node = Node { value, mark, tag };
        self.remember(&node, size, anchor)?;
        self.place(node, size, false)
    }

    fn remember(&mut self, node: &Node, size: Size, anchor: usize) -> Result<(), Problem> {
        if anchor > 0 {
            if !self.budget.take(size.weight) {
                return Err(self.too_much(node.mark.clone()));
            }
            self.anchors.insert(anchor, Some((node.clone(), size)));
        }
        Ok(())
    }

    /// Puts a complete node where it belongs: a document, an item, a key or a value.
    fn place(&mut self, node: Node, size: Size, merge_key: bool) -> Result<(), Problem> {
        // Aliases nest nodes in nodes, so the depth is bounded here as well as where collections open.
        if self.open.len() + size.depth > MAX_DEPTH {
            return Err(self.problem(node.mark, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        open.size.weight += size.weight;
        open.size.depth = open.size.depth.max(size.depth + 1);
        let wrong = match &mut open.inside {
            Inside::Sequence(items) => {
                items.push(node);
                None
            }
            Inside::Mapping { entries, merges, key } => match key.take() {
                None => match (merge_key, &node.value) {
                    (true, _) => {
                        *key = Some(Key::Merge(node.mark));
                        None
                    }
                    (false, Value::String(text)) => {
                        *key = Some(Key::Text(text.clone(), node.mark));
                        None
                    }
                    (false, value) => {
                        *key = Some(Key::Wrong);
                        let message = match scalar::text_of(value) {
                            Some(text) => format!(
                                "a key must be a string, and {text} is {}; put it in quotes",
                                node.kind()
                            ),
                            None => format!("a key must be a string, and this is {}", node.kind()),
                        };
                        Some((node.mark, message))
                    }
                },
                Some(Key::Merge(mark)) => {
                    merges.push(node);
                    (merges.len() > 1)
                        .then(|| (mark, "a mapping has '<<' once; give it a list instead".into()))
                }
                Some(Key::Wrong) => None,
                Some(Key::Text(name, mark)) => match entries.entry(name) {
                    map::Entry::Occupied(first) => {
                        let at = &first.get().key;
                        let (name, line, column) = (first.key(), at.line, at.column);
                        Some((
                            mark,
                            format!("the key '{name}' is already there, in line {line}, column {column}"),
                        ))
                    }
                    map::Entry::Vacant(free) => {
                        free.insert(Entry { key: mark, node });
                        None
                    }
                },
            },
        };
        if let Some((mark, message)) = wrong {
            let problem = self.problem(mark, message);
            self.problems.push(problem);
        }
        Ok(())
    }

    /// `<<`: what is there already stays; of several, the first wins.
    fn merge_into(&mut self, entries: &mut IndexMap<String, Entry>, merged: Node) {
        match merged.value {
            Value::Mapping(from) => {
                for (key, entry) in from {
                    entries.entry(key).or_insert(entry);
                }
            }
            Value::Sequence(items) if items.iter().all(|item| item.as_mapping().is_some()) => {
                for item in items {
                    self.merge_into(entries, item);
                }
            }
            _ => {
                let message = "'<<' takes a mapping or a list of mappings".to_owned();
                let problem = self.problem(merged.mark, message);
                self.problems.push(problem);
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: &Mark) -> Value {
        let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
        let plain = || match style {
            ScalarStyle::Plain => scalar::plain(text),
            _ => Value::String(text.into()),
        };
        let wanted = |value: Value, fits: bool| match fits {
            true => Ok(value),
            false => Err(format!("{text:?} can't be read as !!{}", core.unwrap_or_default())),
        };
        let typed = scalar::plain(text);
        let value = match core {
            Some("str") => Ok(Value::String(text.into())),
            Some("int") => wanted(typed.clone(), matches!(typed, Value::Int(_))),
            Some("bool") => wanted(typed.clone(), matches!(typed, Value::Bool(_))),
            Some("null") => wanted(typed.clone(), matches!(typed, Value::Null)),
            Some("float") => match typed {
                Value::Int(number) => Ok(Value::Float(number as f64, text.into())),
                typed => wanted(typed.clone(), matches!(typed, Value::Float(..))),
            },
            Some("binary") => {
                let digits: String = text.split_whitespace().collect();
                let bytes = base64::engine::general_purpose::STANDARD.decode(digits).ok();
                match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
                    Some(text) => Ok(Value::String(text)),
                    None => Err("!!binary must be text in base64".into()),
                }
            }
            _ if tag.is_some_and(|tag| tag.handle.is_empty() && tag.suffix == "!") => {
                Ok(Value::String(text.into()))
            }
            _ => Ok(plain()),
        };
        value.unwrap_or_else(|message| {
            let problem = self.problem(mark.clone(), message);
            self.problems.push(problem);
            Value::Null
        })
    }

    fn merge_tag(&mut self, tag: Option<&Tag>, mark: &Mark) -> MergeTag {
        match tag {
            Some(tag) if tag.handle == "!" && tag.suffix == "reset" => MergeTag::Reset,
            Some(tag) if tag.handle == "!" && tag.suffix == "override" => MergeTag::Override,
            Some(tag) if tag.handle == "!" && !tag.suffix.is_empty() => {
                let meant = crate::failure::nearest(&tag.suffix, ["reset", "override"]);
                let hint = meant.map(|name| format!("; did you mean '!{name}'?")).unwrap_or_default();
                self.warnings.push(format!("{mark}: the tag '!{}' means nothing here{hint}", tag.suffix));
                MergeTag::None
            }
            _ => MergeTag::None,
        }
    }

    fn mark(&self, at: Marker) -> Mark {
        Mark { source: Arc::clone(self.source), line: at.line(), column: at.col() + 1 }
    }

    fn problem(&self, mark: Mark, message: String) -> Problem {
        Problem { mark: Some(mark), path: self.path(), message }
    }

    fn too_much(&self, mark: Mark) -> Problem {
        self.problem(mark, "the stack grows past 200,000 values here; do its aliases multiply?".into())
    }

    /// Where the reading is in the document.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match &open.inside {
                Inside::Sequence(items) => path.push_str(&format!("[{}]", items.len())),
                Inside::Mapping { key: Some(Key::Text(name, _)), .. } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                Inside::Mapping { .. } => {}
            }
        }
        path
    }
}
