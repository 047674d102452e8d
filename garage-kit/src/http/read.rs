//! Reading what a client sent, field by field. Every failing field is noted with its place and with what
//! would be right, and all of them are told at once. Unknown fields are ignored. Nothing here can be made to
//! panic or to recurse without end: the JSON parser's own limit on nesting holds.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{FieldError, Problem};

/// A request has at most so many problems listed; a hostile one may have a million.
const MOST_PROBLEMS: usize = 50;

/// A value, or the word that its problem has been noted already.
pub type Answer<T> = Result<T, Reported>;

/// A problem was noted; the caller will hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported(());

/// Something that is read from the fields of an object.
pub trait FromFields: Sized {
    /// Reads every field first (`let name = fields.required(…);`) and uses `?` only when building the value:
    /// so all failing fields are noted, not only the first.
    ///
    /// # Errors
    /// When a field is not as it should be.
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self>;
}

/// Reads a whole document.
///
/// # Errors
/// The problem that lists every failing field.
pub fn document<T: FromFields>(value: &Value) -> Result<T, Problem> {
    let Value::Object(object) = value else {
        return Err(Problem::malformed("the body must be a JSON object"));
    };
    object_fields(object)
}

pub(super) fn object_fields<T: FromFields>(object: &Map<String, Value>) -> Result<T, Problem> {
    let mut found = Vec::new();
    let mut fields = Fields { object, place: None, found: &mut found };
    let read = T::from_fields(&mut fields);
    match read {
        Ok(read) if found.is_empty() => Ok(read),
        _ => Err(Problem::invalid(found)),
    }
}

/// The fields of an object that is being read.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    place: Option<&'a Place<'a>>,
    found: &'a mut Vec<FieldError>,
}

/// One value that is being read, and where it stands.
#[derive(Debug)]
pub struct Field<'a> {
    value: &'a Value,
    place: &'a Place<'a>,
    found: &'a mut Vec<FieldError>,
}

#[derive(Debug)]
struct Place<'a> {
    parent: Option<&'a Self>,
    step: Step<'a>,
}

#[derive(Debug)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl Place<'_> {
    fn path(&self) -> String {
        let before = self.parent.map(Place::path).unwrap_or_default();
        match self.step {
            Step::Name(name) if before.is_empty() => name.to_owned(),
            Step::Name(name) => format!("{before}.{name}"),
            Step::Index(index) => format!("{before}[{index}]"),
        }
    }

    fn note(&self, found: &mut Vec<FieldError>, detail: impl Into<String>) -> Reported {
        if found.len() < MOST_PROBLEMS {
            found.push(FieldError::new(self.path(), detail));
        }
        Reported(())
    }
}

impl Fields<'_> {
    /// A field that must be there.
    ///
    /// # Errors
    /// When it is missing, null, or not as `read` wants it.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(Field<'_>) -> Answer<T>) -> Answer<T> {
        self.optional(name, read)?.ok_or_else(|| self.refuse(name, "is required"))
    }

    /// A field that may be missing or null.
    ///
    /// # Errors
    /// When it is there and not as `read` wants it.
    pub fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Field<'_>) -> Answer<T>,
    ) -> Answer<Option<T>> {
        Ok(self.patch(name, read)?.flatten())
    }

    /// A field of a patch: missing leaves as it is (`None`), null clears (`Some(None)`).
    ///
    /// # Errors
    /// When it is there and not as `read` wants it.
    pub fn patch<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Field<'_>) -> Answer<T>,
    ) -> Answer<Option<Option<T>>> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => {
                let place = Place { parent: self.place, step: Step::Name(name) };
                read(Field { value, place: &place, found: self.found }).map(|read| Some(Some(read)))
            }
        }
    }

    /// Notes what is wrong with a field in the light of others: `Err(fields.refuse("to", "must not be before from"))`.
    pub fn refuse(&mut self, name: &str, detail: impl Into<String>) -> Reported {
        Place { parent: self.place, step: Step::Name(name) }.note(self.found, detail)
    }

    /// Whether the field was sent, be it null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }
}

impl<'a> Field<'a> {
    /// What was sent.
    #[must_use]
    pub const fn value(&self) -> &'a Value {
        self.value
    }

    /// Notes what would be right.
    pub fn refuse(self, detail: impl Into<String>) -> Reported {
        self.place.note(self.found, detail)
    }

    /// The text that was sent, without blanks at its ends.
    ///
    /// # Errors
    /// When something else was sent.
    pub fn as_text(self) -> Answer<(Self, &'a str)> {
        match self.value.as_str() {
            Some(text) => Ok((self, text.trim())),
            None => Err(self.refuse("must be a text")),
        }
    }
}

/// A text of so many characters, without blanks at its ends.
pub fn text(length: RangeInclusive<usize>) -> impl Fn(Field<'_>) -> Answer<String> {
    move |field| {
        let (field, text) = field.as_text()?;
        if length.contains(&text.chars().count()) {
            return Ok(text.to_owned());
        }
        Err(field.refuse(format!("must have {} characters", span(&length))))
    }
}

/// A text that says what it is by [`FromStr`]; its error says what would be right ("must be …").
///
/// # Errors
/// When it is no text, or not such a one.
pub fn parse<T: FromStr<Err: Display>>(field: Field<'_>) -> Answer<T> {
    parsed(T::from_str)(field)
}

/// A text that `read` understands; its error says what would be right ("must be …").
pub fn parsed<T, E: Display>(read: impl Fn(&str) -> Result<T, E>) -> impl Fn(Field<'_>) -> Answer<T> {
    move |field| {
        let (field, text) = field.as_text()?;
        read(text).map_err(|cause| field.refuse(cause.to_string()))
    }
}

/// Anything that serde reads: ids, amounts, the words of an enumeration.
///
/// # Errors
/// When serde does not.
pub fn value<T: DeserializeOwned>(field: Field<'_>) -> Answer<T> {
    T::deserialize(field.value).map_err(|cause| field.refuse(wanted(&cause.to_string())))
}

/// A whole number between bounds.
pub fn whole<T>(bounds: RangeInclusive<T>) -> impl Fn(Field<'_>) -> Answer<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |field| {
        let number = field.value.as_i64().and_then(|number| T::try_from(number).ok());
        let fits = number.filter(|number| bounds.contains(number));
        fits.ok_or_else(|| {
            field.refuse(format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
        })
    }
}

/// `true` or `false`.
///
/// # Errors
/// When it is neither.
pub fn boolean(field: Field<'_>) -> Answer<bool> {
    field.value.as_bool().ok_or_else(|| field.refuse("must be true or false"))
}

/// A time with its zone, as in RFC 3339, in the years of four digits.
///
/// # Errors
/// When it is none.
pub fn time(field: Field<'_>) -> Answer<DateTime<Utc>> {
    let (field, text) = field.as_text()?;
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.to_utc()),
        Err(_) => Err(field.refuse("must be a date and time with its zone, such as 2026-02-08T10:00:00Z")),
    }
}

/// A list of so many items, each read by `each`.
pub fn list<T>(
    count: RangeInclusive<usize>,
    each: impl Fn(Field<'_>) -> Answer<T>,
) -> impl Fn(Field<'_>) -> Answer<Vec<T>> {
    move |field| {
        let Some(items) = field.value.as_array().filter(|items| count.contains(&items.len())) else {
            return Err(field.refuse(format!("must be a list of {} items", span(&count))));
        };
        let place = |index| Place { parent: Some(field.place), step: Step::Index(index) };
        let mut read = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            read.push(each(Field { value, place: &place(index), found: &mut *field.found }));
        }
        read.into_iter().collect()
    }
}

/// An object within.
///
/// # Errors
/// When it is none, or its fields are not as they should be.
pub fn object<T: FromFields>(field: Field<'_>) -> Answer<T> {
    match field.value {
        Value::Object(object) => {
            T::from_fields(&mut Fields { object, place: Some(field.place), found: field.found })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(field.refuse("must be an object"))
        }
    }
}

/// A client's own object may be nested so deep: what is stored around it nests further, and a parser reads 127 levels.
const DEEPEST: usize = 16;

/// An object of the client's own, kept as it is, of so many bytes as JSON at most.
pub fn free(longest: usize) -> impl Fn(Field<'_>) -> Answer<Map<String, Value>> {
    move |field| match field.value.as_object() {
        Some(_) if is_deeper(field.value, DEEPEST) => {
            Err(field.refuse(format!("must be nested at most {DEEPEST} levels deep")))
        }
        Some(object) if field.value.to_string().len() <= longest => Ok(object.clone()),
        Some(_) => Err(field.refuse(format!("must have at most {longest} bytes as JSON"))),
        None => Err(field.refuse("must be an object")),
    }
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let within = |inner: &Value| levels == 0 || is_deeper(inner, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(within),
        Value::Object(object) => object.values().any(within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn span(range: &RangeInclusive<usize>) -> String {
    match (range.start(), range.end()) {
        (0, most) => format!("at most {most}"),
        (least, most) if least == most => format!("exactly {most}"),
        (least, most) => format!("{least} to {most}"),
    }
}

/// What would be right, in serde's words without its account of what was sent.
pub(super) fn wanted(told: &str) -> String {
    if told.starts_with("UUID parsing failed") {
        return "must be a UUID".to_owned();
    }
    match told.rsplit_once(", expected ") {
        Some((_, "a formatted UUID string")) => "must be a UUID".to_owned(),
        Some((_, expected)) => format!("must be {expected}"),
        None => told.to_owned(),
    }
}

/// The databases keep every character but NUL, so a text with one is refused here, by its place.
pub(super) fn without_nul(value: &Value) -> Result<(), Problem> {
    let mut found = Vec::new();
    note_nul(value, None, &mut found);
    if found.is_empty() { Ok(()) } else { Err(Problem::invalid(found)) }
}

fn note_nul(value: &Value, place: Option<&Place<'_>>, found: &mut Vec<FieldError>) {
    match value {
        Value::String(text) if text.contains('\0') => {
            let root = Place { parent: None, step: Step::Name("") };
            place.unwrap_or(&root).note(found, "must not contain the NUL character");
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                note_nul(item, Some(&Place { parent: place, step: Step::Index(index) }), found);
            }
        }
        Value::Object(object) => {
            for (name, item) in object {
                let inner = Place { parent: place, step: Step::Name(name) };
                if name.contains('\0') {
                    inner.note(found, "must have no NUL character in its name");
                }
                note_nul(item, Some(&inner), found);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
