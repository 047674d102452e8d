//! A line as it is asked for: with a name and a price of its own, or with those of the catalogue.

use garage_events::{Cents, PartId, Quantity, ServiceId};
use garage_kit::{
    Repository,
    http::{Answer, FieldError, Fields, FromFields, Problem, read},
};
use utoipa::ToSchema;

use crate::{
    catalogue,
    quote::{Catalogue, Line},
};

/// What is to be done or built in. Name and price may be left to the catalogue if it says what of it.
#[derive(ToSchema)]
#[schema(as = NewQuoteLine, rename_all = "camelCase")]
pub(super) struct Item {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(max_length = 1000)]
    description: Option<String>,
    quantity: Option<Quantity>,
    unit_price: Option<Cents>,
    /// Of the catalogue.
    part_id: Option<PartId>,
    /// Of the catalogue; not together with a part.
    service_id: Option<ServiceId>,
}

impl FromFields for Item {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.optional("name", read::text(1..=200));
        let description = fields.optional("description", read::text(0..=1000));
        let quantity = fields.optional("quantity", read::value);
        let unit_price = fields.optional("unitPrice", read::value);
        let part_id = fields.optional("partId", read::value);
        let service_id = fields.optional("serviceId", read::value);
        let item = Self {
            name: name?,
            description: description?.filter(|text| !text.is_empty()),
            quantity: quantity?,
            unit_price: unit_price?,
            part_id: part_id?,
            service_id: service_id?,
        };
        item.checked(fields)
    }
}

impl Item {
    fn checked(self, fields: &mut Fields<'_>) -> Answer<Self> {
        if self.part_id.is_some() && self.service_id.is_some() {
            return Err(fields.refuse("serviceId", "must not stand beside partId: a line is for one of them"));
        }
        if self.part_id.is_some() || self.service_id.is_some() {
            return Ok(self);
        }
        let nameless = self.name.is_none().then(|| fields.refuse("name", "is required"));
        let priceless = self.unit_price.is_none().then(|| fields.refuse("unitPrice", "is required"));
        nameless.or(priceless).map_or(Ok(self), Err)
    }

    const fn is_whole(&self) -> bool {
        self.name.is_some() && self.unit_price.is_some()
    }

    /// The line; what it lacks comes from the catalogue.
    fn line(&self, index: usize, catalogue: &Catalogue) -> Result<Line, FieldError> {
        let part = self.part_id.and_then(|id| catalogue.parts.get(&id));
        let known = part.or_else(|| self.service_id.and_then(|id| catalogue.services.get(&id)));
        if known.is_none() && !self.is_whole() {
            let field = if self.part_id.is_some() { "partId" } else { "serviceId" };
            let place = format!("items[{index}].{field}");
            return Err(FieldError::new(
                place,
                "must be in the catalogue, unless name and unitPrice are given",
            ));
        }
        Ok(Line {
            name: self.name.as_ref().or(known.map(|known| &known.name)).cloned().unwrap_or_default(),
            description: self.description.clone(),
            quantity: self.quantity.unwrap_or_default(),
            unit_price: self.unit_price.or_else(|| known.map(|known| known.price)),
            part_id: self.part_id,
            service_id: self.service_id,
        })
    }
}

/// The lines, with what they lack taken from the catalogue.
///
/// # Errors
/// 400 that names every item of which the catalogue knows nothing; a failure of the store.
pub(super) async fn priced(repository: &Repository, items: &[Item]) -> Result<Vec<Line>, Problem> {
    let lacking = || items.iter().filter(|item| !item.is_whole());
    let parts = lacking().filter_map(|item| item.part_id).collect();
    let services = lacking().filter_map(|item| item.service_id).collect();
    let catalogue = catalogue::look_up(repository, parts, services).await?;
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match item.line(index, &catalogue) {
            Ok(line) => lines.push(line),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(lines) } else { Err(Problem::invalid(errors)) }
}
