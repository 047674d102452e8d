//! What the shop knows under a plate: the car in whichever form of its plate, its owner, its orders.

use garage_events::Service;

use crate::{
    form::Form,
    services::{
        Asker, No,
        view::{Customer, Order, Vehicle},
    },
    show,
};

/// What is known, if anything.
pub(super) struct Known {
    pub(super) car: Option<Car>,
}

/// A car that has been here, or is.
pub(super) struct Car {
    pub(super) vehicle: Vehicle,
    /// Nobody, once the last one is erased.
    pub(super) owner: Option<Customer>,
    /// Newest first.
    pub(super) orders: Vec<Order>,
}

impl Known {
    /// Whether somebody's data are asked for: a car without an owner has a new one, whatever the form says.
    pub(super) fn wants_an_owner(&self, form: &Form) -> bool {
        self.car.as_ref().is_none_or(|car| car.owner.is_none()) || form.get("owner") == "new"
    }
}

impl Car {
    /// An order that is not over.
    pub(super) fn open_order(&self) -> Option<&Order> {
        self.orders.iter().find(|order| !order.is_over())
    }
}

/// Asks OS; a text that is no plate is refused by it.
pub(super) async fn by_plate(asker: &Asker, plate: &str) -> Result<Known, No> {
    let bare = show::bare(plate);
    let path = format!("/vehicles/plate/{}", if bare.is_empty() { "-" } else { &bare });
    let Some(vehicle) = asker.find::<Vehicle>(Service::Os, &path).await? else {
        return Ok(Known { car: None });
    };
    let owner = format!("/customers/{}", vehicle.customer_id);
    let orders = format!("/work-orders?vehicleId={}&limit=20", vehicle.id);
    let (owner, orders) = futures::try_join!(
        asker.find::<Customer>(Service::Os, &owner),
        asker.list::<Order>(Service::Os, &orders),
    )?;
    let owner = owner.filter(|owner| !owner.is_erased());
    Ok(Known { car: Some(Car { vehicle, owner, orders }) })
}
