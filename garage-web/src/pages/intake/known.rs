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

/// What is asked of an owner.
const OWNER: [&str; 4] = ["document", "name", "phone", "email"];

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
    /// Whether there is a new owner: a car without one has one, whatever the form says, and any other as soon as something
    /// of them is typed.
    pub(super) fn wants_an_owner(&self, form: &Form) -> bool {
        self.car.as_ref().is_none_or(|car| car.owner.is_none())
            || OWNER.iter().any(|field| form.given(field).is_some())
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

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A car that has an owner.
    pub(in super::super) fn owned() -> Known {
        let id = "0190f5a0-0000-7000-8000-000000000001";
        let vehicle = json!({ "id": id, "customerId": id, "plate": "ABC1D23", "brand": "Fiat", "model": "Uno", "year": 2010 });
        let owner =
            json!({ "id": id, "name": "Ana Souza", "document": "52998224725", "phone": "11987654321" });
        Known {
            car: Some(Car {
                vehicle: serde_json::from_value(vehicle).unwrap(),
                owner: serde_json::from_value(owner).unwrap(),
                orders: Vec::new(),
            }),
        }
    }

    #[test]
    fn an_owner_of_whom_something_was_typed_is_a_new_one() {
        assert!(!owned().wants_an_owner(&Form::parse(b"complaint=Freio&document=+&name=")));
        for typed in ["document=1", "name=Bruno", "phone=1", "email=b"] {
            assert!(owned().wants_an_owner(&Form::parse(typed.as_bytes())), "{typed}");
        }
    }

    #[test]
    fn a_car_without_an_owner_has_a_new_one() {
        assert!(Known { car: None }.wants_an_owner(&Form::default()));
    }
}
