//! `GET /work-orders`: which orders, and how they are found fast among a million.

use axum::extract::State;
use garage_events::{CustomerId, VehicleId, WorkOrderStatus};
use garage_kit::{
    Failure,
    auth::By,
    http::{Answer, Fields, FromFields, Listing, Page, PageParams, Problem, Query, read},
    store::{self, Order},
};
use garage_saga::{
    Shell,
    roles::Staff,
    waiting::{WAITING, overdue},
};
use utoipa::IntoParams;

use super::view::WorkOrderView;
use crate::{
    customer::Customer, document::Document, http::order_sought, plate::Plate, vehicle::Vehicle,
    work_order::WorkOrder,
};

/// Which orders a list is of.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Filter {
    status: Option<WorkOrderStatus>,
    customer_id: Option<CustomerId>,
    vehicle_id: Option<VehicleId>,
    /// `true` for those that wait beyond their deadline: by what they wait for, the longest overdue first.
    stuck: Option<bool>,
    /// Words, each of which the plate in either form, the customer's name or document, the order's id or its description
    /// contains; their order, accents, capitals and punctuation do not matter. The first eight count.
    /// The order's number is found as the papers have it too: `OS 9885FF`, `#9885FF`.
    q: Option<String>,
}

impl FromFields for Filter {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let status = fields.optional("status", read::parse);
        let customer_id = fields.optional("customerId", read::value);
        let vehicle_id = fields.optional("vehicleId", read::value);
        let stuck = fields.optional("stuck", read::parse);
        let q = order_sought(fields);
        Ok(Self { status: status?, customer_id: customer_id?, vehicle_id: vehicle_id?, stuck: stuck?, q: q? })
    }
}

/// Fields of the store with the values that they must have.
type Filters = Vec<(&'static str, String)>;

impl Filter {
    fn filters(&self) -> Filters {
        let filters = [
            ("status", self.status.map(|status| status.to_string())),
            ("customer_id", self.customer_id.map(|id| id.to_string())),
            ("vehicle_id", self.vehicle_id.map(|id| id.to_string())),
        ];
        filters.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
    }
}

/// What a whole plate or document leads to. The desk asks for these most, and an index knows the answer, where
/// a search for words would read every order there is.
async fn named(shell: &Shell, words: &str) -> Result<Option<(&'static str, String)>, Failure> {
    if let Ok(plate) = words.parse::<Plate>() {
        let vehicle = shell.repository.by::<Vehicle>("plate_key", plate.key()).await?;
        return Ok(vehicle.map(|read| ("vehicle_id", read.state.id.to_string())));
    }
    if let Ok(document) = words.parse::<Document>() {
        let customer = shell.repository.by::<Customer>("document", document.as_str()).await?;
        return Ok(customer.map(|read| ("customer_id", read.state.id.to_string())));
    }
    Ok(None)
}

/// The work orders, newest first.
#[utoipa::path(get, path = "/work-orders", tag = "work orders", params(Filter, PageParams),
    responses((status = 200, description = "A page of them; the Link header leads to the next", body = [WorkOrderView]), Problem))]
pub(super) async fn list(
    State(shell): State<Shell>,
    _: By<Staff>,
    Query(filter): Query<Filter>,
    page: Page,
) -> Result<Listing<WorkOrderView>, Problem> {
    let mut filters = filter.filters();
    let mut search = filter.q;
    if let Some(words) = &search
        && let Some(named) = named(&shell, words).await?
    {
        filters.push(named);
        search = None;
    }
    let stuck = filter.stuck == Some(true);
    let order = if stuck { Order::By(WAITING.name) } else { Order::Newest };
    let query = store::Query { search, ..page.query(order, filters) };
    let found = if stuck {
        overdue::<WorkOrder>(&shell, &query).await?
    } else {
        shell.repository.find::<WorkOrder>(&query).await?
    };
    Ok(page.answer(&query, found, |read| WorkOrderView::of(read.state, &shell)))
}
