//! What a part is found by. All of it in small letters, so that nobody misses one by a capital.

use garage_kit::{
    Aggregate,
    store::{Field, Kind},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Part;

/// Where parts live.
pub static PARTS: Kind = Kind {
    name: "parts",
    fields: &[
        Field::unique("part_number"),
        Field::plain("name"),
        Field::plain("category"),
        Field::plain("low_stock"),
        Field::plain("search"),
    ],
};

impl Aggregate for Part {
    const KIND: &'static Kind = &PARTS;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn index(&self) -> Map<String, Value> {
        let card = &self.card;
        let (name, number) = (card.name.to_lowercase(), card.part_number.to_lowercase());
        let supplier = card.supplier.as_deref().unwrap_or_default().to_lowercase();
        let fields = [
            ("search", json!(format!("{name} {number} {supplier}"))),
            ("part_number", json!(number)),
            ("name", json!(name)),
            ("category", json!(card.category.as_ref().map(|category| category.to_lowercase()))),
            ("low_stock", if self.is_low() { json!("true") } else { Value::Null }),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
