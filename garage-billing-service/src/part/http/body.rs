//! What is sent about parts.

use garage_events::Cents;
use garage_kit::http::{Answer, Field, Fields, FromFields, read};
use utoipa::ToSchema;

use crate::part::{Card, MIN_STOCK_LEVEL, MOST_IN_STOCK, UNIT, Units};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
/// Numbers, units, categories.
pub(super) const WORD: std::ops::RangeInclusive<usize> = 1..=60;
const COUNT: std::ops::RangeInclusive<u32> = 0..=MOST_IN_STOCK;

/// How many somebody says are there: never fewer than none.
fn on_the_shelf(field: Field<'_>) -> Answer<Units> {
    let sent = field.value().clone();
    let units: Option<Units> = serde_json::from_value(sent).ok();
    units.filter(|units| *units >= Units::ZERO).ok_or_else(|| {
        field.refuse(format!("must be a number from 0 to {MOST_IN_STOCK}, with at most three decimals"))
    })
}

/// What the shop says of a part.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct NewPart {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The maker's; no two parts share one, however it is written.
    #[schema(min_length = 1, max_length = 60)]
    part_number: String,
    price: Cents,
    cost_price: Option<Cents>,
    /// How many are there. A new part has none unless told otherwise; a replaced one keeps what it has.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000)]
    pub(super) stock_quantity: Option<Units>,
    #[schema(maximum = 1_000_000_000, default = 5)]
    min_stock_level: Option<u32>,
    #[schema(min_length = 1, max_length = 60, default = "UN")]
    unit: Option<String>,
    #[schema(min_length = 1, max_length = 60)]
    category: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    supplier: Option<String>,
}

impl FromFields for NewPart {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.required("name", read::text(NAME));
        let part_number = fields.required("partNumber", read::text(WORD));
        let price = fields.required("price", read::value);
        let cost_price = fields.optional("costPrice", read::value);
        let stock_quantity = fields.optional("stockQuantity", on_the_shelf);
        let min_stock_level = fields.optional("minStockLevel", read::whole(COUNT));
        let unit = fields.optional("unit", read::text(WORD));
        let category = fields.optional("category", read::text(WORD));
        let supplier = fields.optional("supplier", read::text(NAME));
        Ok(Self {
            name: name?,
            part_number: part_number?,
            price: price?,
            cost_price: cost_price?,
            stock_quantity: stock_quantity?,
            min_stock_level: min_stock_level?,
            unit: unit?,
            category: category?,
            supplier: supplier?,
        })
    }
}

impl NewPart {
    pub(super) fn card(&self) -> Card {
        Card {
            name: self.name.clone(),
            part_number: self.part_number.clone(),
            price: self.price,
            cost_price: self.cost_price,
            min_stock_level: self.min_stock_level.unwrap_or(MIN_STOCK_LEVEL),
            unit: self.unit.clone().unwrap_or_else(|| UNIT.to_owned()),
            category: self.category.clone(),
            supplier: self.supplier.clone(),
        }
    }
}

/// What changes of a part; what is left out stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct PartPatch {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 60)]
    part_number: Option<String>,
    price: Option<Cents>,
    /// `null` for not known.
    #[schema(value_type = Option<Cents>)]
    cost_price: Option<Option<Cents>>,
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000)]
    pub(super) stock_quantity: Option<Units>,
    #[schema(maximum = 1_000_000_000)]
    min_stock_level: Option<u32>,
    #[schema(min_length = 1, max_length = 60)]
    unit: Option<String>,
    /// `null` for none.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60)]
    category: Option<Option<String>>,
    /// `null` for nobody.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    supplier: Option<Option<String>>,
}

impl FromFields for PartPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.optional("name", read::text(NAME));
        let part_number = fields.optional("partNumber", read::text(WORD));
        let price = fields.optional("price", read::value);
        let cost_price = fields.patch("costPrice", read::value);
        let stock_quantity = fields.optional("stockQuantity", on_the_shelf);
        let min_stock_level = fields.optional("minStockLevel", read::whole(COUNT));
        let unit = fields.optional("unit", read::text(WORD));
        let category = fields.patch("category", read::text(WORD));
        let supplier = fields.patch("supplier", read::text(NAME));
        Ok(Self {
            name: name?,
            part_number: part_number?,
            price: price?,
            cost_price: cost_price?,
            stock_quantity: stock_quantity?,
            min_stock_level: min_stock_level?,
            unit: unit?,
            category: category?,
            supplier: supplier?,
        })
    }
}

impl PartPatch {
    pub(super) fn card(&self, known: &Card) -> Card {
        Card {
            name: self.name.as_ref().unwrap_or(&known.name).clone(),
            part_number: self.part_number.as_ref().unwrap_or(&known.part_number).clone(),
            price: self.price.unwrap_or(known.price),
            cost_price: self.cost_price.unwrap_or(known.cost_price),
            min_stock_level: self.min_stock_level.unwrap_or(known.min_stock_level),
            unit: self.unit.as_ref().unwrap_or(&known.unit).clone(),
            category: self.category.as_ref().unwrap_or(&known.category).clone(),
            supplier: self.supplier.as_ref().unwrap_or(&known.supplier).clone(),
        }
    }
}

/// How many are on the shelf, counted.
#[derive(ToSchema)]
pub(super) struct Stock {
    #[schema(value_type = f64, minimum = 0, maximum = 1_000_000_000)]
    pub(super) quantity: Units,
}

impl FromFields for Stock {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { quantity: fields.required("quantity", on_the_shelf)? })
    }
}

/// How many came, or went if negative; or how many are there, counted. One of the two.
#[derive(ToSchema)]
pub(super) struct StockPatch {
    #[schema(value_type = Option<f64>, example = -2)]
    pub(super) adjustment: Option<Units>,
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000)]
    pub(super) quantity: Option<Units>,
}

impl FromFields for StockPatch {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let adjustment = fields.optional("adjustment", read::value);
        let quantity = fields.optional("quantity", on_the_shelf);
        let patch = Self { adjustment: adjustment?, quantity: quantity? };
        match (patch.adjustment, patch.quantity) {
            (None, None) => Err(fields.refuse("adjustment", "or quantity is required")),
            (Some(_), Some(_)) => Err(fields.refuse("quantity", "must not stand beside adjustment")),
            (Some(_), None) | (None, Some(_)) => Ok(patch),
        }
    }
}
