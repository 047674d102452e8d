//! What a service is found by, in small letters.

use garage_kit::{
    Aggregate,
    store::{Field, Kind},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Service;

/// Where services live.
pub static SERVICES: Kind = Kind {
    name: "services",
    fields: &[Field::plain("name"), Field::plain("active"), Field::plain("search")],
};

impl Aggregate for Service {
    const KIND: &'static Kind = &SERVICES;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn index(&self) -> Map<String, Value> {
        let name = self.card.name.to_lowercase();
        let description = self.card.description.as_deref().unwrap_or_default().to_lowercase();
        let fields = [
            ("search", json!(format!("{name} {description}"))),
            ("name", json!(name)),
            ("active", json!(self.card.active.to_string())),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
