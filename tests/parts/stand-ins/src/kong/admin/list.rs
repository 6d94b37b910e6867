//! Lists: pages, filters by tag.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{body, errors};
use crate::kong::server::Answer;
use crate::kong::state::Entity;

/// Entities on a page that doesn't say.
const SIZE: usize = 100;

/// What needs no encoding in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a request asks of a list.
#[derive(Debug)]
pub struct Wanted {
    size: usize,
    sized: Option<String>,
    offset: Option<String>,
    tags: Option<String>,
    any: bool,
}

impl Wanted {
    /// Reads a query.
    pub fn read(query: &str) -> Result<Self, Answer> {
        let pairs = body::pairs(query);
        let get = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        let sized = get("size");
        let size = match &sized {
            None => SIZE,
            Some(text) => match text.parse::<f64>() {
                Err(_) => return Err(errors::size("size must be a number")),
                Ok(size) if size.fract() == 0.0 && (1.0..=1000.0).contains(&size) => size as usize,
                Ok(_) => return Err(errors::size("size must be an integer between 1 and 1000")),
            },
        };
        let tags = get("tags");
        let any = tags.as_ref().is_some_and(|tags| tags.contains('/'));
        match tags.as_deref() {
            // Kong 3.4.2 answers so, indeed.
            Some("") => return Err(Answer::message(500, "An unexpected error occurred")),
            Some(tags) if any && tags.contains(',') => return Err(errors::tags("invalid filter syntax")),
            Some(tags) if tags.split([',', '/']).count() > 5 => {
                return Err(errors::tags("cannot query more than 5 tags"));
            }
            _ => {}
        }
        Ok(Self { size, sized, offset: get("offset"), tags, any })
    }

    fn fits(&self, entity: &Entity) -> bool {
        let Some(tags) = &self.tags else { return true };
        let has = |tag: &str| {
            entity.get("tags").and_then(Value::as_array).is_some_and(|own| own.iter().any(|one| one == tag))
        };
        match self.any {
            true => tags.split('/').any(has),
            false => tags.split(',').all(has),
        }
    }

    /// A page of entities in order of their ids. At the top level, `next` repeats what was asked for.
    pub fn page<'a>(
        &self,
        path: &str,
        top: bool,
        all: impl Iterator<Item = &'a Entity>,
        show: impl Fn(&Entity) -> Value,
    ) -> Answer {
        let after = match self.offset.as_deref().map(decode).transpose() {
            Ok(after) => after,
            Err(answer) => return answer,
        };
        let id = |entity: &Entity| entity["id"].as_str().unwrap_or_default().to_owned();
        let mut rest = all
            .filter(|entity| self.fits(entity))
            .filter(|entity| after.as_ref().is_none_or(|after| id(entity) > *after))
            .peekable();
        let page: Vec<&Entity> = rest.by_ref().take(self.size).collect();
        let last = page.last().map(|entity| id(entity)).filter(|_| rest.peek().is_some());
        let data: Vec<Value> = page.into_iter().map(show).collect();
        let offset = last.map(|last| BASE64.encode(json!([last]).to_string()));
        answer(data, offset, |offset| self.next(path, top, offset))
    }

    /// A page of a gateway without a database, whose offset is the place in the list. A page that is full leads to a
    /// next one, even to an empty one.
    pub fn numbered<'a>(
        &self,
        path: &str,
        top: bool,
        all: impl Iterator<Item = &'a Entity>,
        show: impl Fn(&Entity) -> Value,
    ) -> Answer {
        let place = |offset: &str| String::from_utf8(BASE64.decode(offset).ok()?).ok()?.parse::<usize>().ok();
        let from = match self.offset.as_deref().map(|offset| place(offset).ok_or(offset)).transpose() {
            Ok(from) => from.unwrap_or(1).saturating_sub(1),
            Err(offset) => return errors::offset(offset),
        };
        let data: Vec<Value> =
            all.filter(|one| self.fits(one)).skip(from).take(self.size).map(show).collect();
        let offset = (data.len() == self.size).then(|| BASE64.encode((from + self.size + 1).to_string()));
        answer(data, offset, |offset| self.next(path, top, offset))
    }

    fn next(&self, path: &str, top: bool, offset: &str) -> String {
        let mut next = format!("{path}?offset={offset}");
        for (name, value) in [("tags", &self.tags), ("size", &self.sized)] {
            if let Some(value) = value.as_ref().filter(|_| top) {
                next.push_str(&format!("&{name}={}", utf8_percent_encode(value, QUERY)));
            }
        }
        next
    }

    /// A page of what has an order of its own; the offset counts.
    pub fn count(&self, path: &str, all: Vec<Value>) -> Answer {
        let from = match self.offset.as_deref().map(str::parse::<usize>).transpose() {
            Ok(from) => from.unwrap_or(0).min(all.len()),
            Err(_) => return errors::offset(self.offset.as_deref().unwrap_or_default()),
        };
        let to = from.saturating_add(self.size).min(all.len());
        let offset = (to < all.len()).then(|| to.to_string());
        let page = all.into_iter().skip(from).take(to - from).collect();
        answer(page, offset, |offset| format!("{path}?offset={offset}"))
    }
}

fn answer(data: Vec<Value>, offset: Option<String>, next: impl Fn(&str) -> String) -> Answer {
    let mut list = json!({"data": data, "next": offset.as_deref().map(next)});
    if let Some(offset) = offset {
        list["offset"] = json!(offset);
    }
    Answer::json(200, list)
}

fn decode(offset: &str) -> Result<String, Answer> {
    let json = BASE64.decode(offset).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let id = json.as_ref().and_then(|json| json[0].as_str());
    id.map(str::to_owned).ok_or_else(|| errors::offset(offset))
}
