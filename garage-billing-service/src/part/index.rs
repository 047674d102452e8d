//! What a part is found by. All of it in small letters, so that nobody misses one by a capital.

use chrono::SecondsFormat;
use garage_kit::{
    Aggregate,
    store::{Field, Kind},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Part, Units};

/// Where parts live.
pub static PARTS: Kind = Kind {
    name: "parts",
    fields: &[
        Field::unique("part_number"),
        Field::plain("name"),
        Field::plain("category"),
        Field::plain("low_stock"),
        Field::plain("awaited"),
        Field::plain("taken"),
        Field::plain("search"),
    ],
};

impl Aggregate for Part {
    const KIND: &'static Kind = &PARTS;

    fn id(&self) -> Uuid {
        self.id.0
    }

    /// `awaited`: since when an order has been waiting for it. `taken`: a bill may not have noted yet that it took some.
    fn index(&self) -> Map<String, Value> {
        let awaited = self.holders().into_iter().find(|holder| holder.missing > Units::ZERO);
        let awaited = awaited.map(|holder| holder.since.to_rfc3339_opts(SecondsFormat::Millis, true));
        let card = &self.card;
        let (name, number) = (card.name.to_lowercase(), card.part_number.to_lowercase());
        let supplier = card.supplier.as_deref().unwrap_or_default().to_lowercase();
        let fields = [
            ("search", json!(format!("{name} {number} {supplier}"))),
            ("part_number", json!(number)),
            ("name", json!(name)),
            ("category", json!(card.category.as_ref().map(|category| category.to_lowercase()))),
            ("low_stock", json!(self.is_low().then_some("true"))),
            ("awaited", json!(awaited)),
            ("taken", json!(self.takers().next().map(|_| "true"))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
