//! Whose an order is and on which car, for cards that show both: a work order has only their ids. Kept for a minute, as
//! a board of sixty cards would else ask a hundred and twenty times whenever one of them moves.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use garage_events::{CustomerId, Service, VehicleId};
use garage_kit::clock::Clock;
use uuid::Uuid;

use super::{
    Asker, No,
    view::{Customer, Order, Vehicle},
};

const KEPT: TimeDelta = TimeDelta::minutes(1);
/// More are never kept: then all are forgotten.
const MOST: usize = 5_000;
/// Asked at a time.
const ABREAST: usize = 16;

type Shelf<T> = Mutex<HashMap<Uuid, (DateTime<Utc>, Arc<T>)>>;

/// What is known of late.
pub(crate) struct Names {
    clock: Clock,
    customers: Shelf<Customer>,
    vehicles: Shelf<Vehicle>,
}

/// Whose an order is, and on which car; either may have gone since.
#[derive(Clone, Default)]
pub(crate) struct Named {
    pub(crate) customer: Option<Arc<Customer>>,
    pub(crate) vehicle: Option<Arc<Vehicle>>,
}

impl Named {
    pub(crate) fn car(&self) -> String {
        self.vehicle.as_ref().map(|vehicle| vehicle.car()).unwrap_or_default()
    }
}

impl Names {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, customers: Shelf::default(), vehicles: Shelf::default() }
    }

    /// Of all these orders, in their order.
    pub(crate) async fn of_all(&self, asker: &Asker, orders: &[Order]) -> Result<Vec<Named>, No> {
        let asked: Vec<_> = orders.iter().map(|order| self.of(asker, order).boxed()).collect();
        stream::iter(asked).buffered(ABREAST).try_collect().await
    }

    /// What was kept of a customer who has been erased is forgotten as soon as one of their orders says so.
    pub(crate) async fn of(&self, asker: &Asker, order: &Order) -> Result<Named, No> {
        if order.customer_erased {
            self.forget(order.customer_id.0);
        }
        let (customer, vehicle) = futures::try_join!(
            self.customer(asker, order.customer_id),
            self.vehicle(asker, order.vehicle_id)
        )?;
        Ok(Named { customer, vehicle })
    }

    pub(crate) async fn customer(&self, asker: &Asker, id: CustomerId) -> Result<Option<Arc<Customer>>, No> {
        if let Some(known) = self.known(&self.customers, id.0) {
            return Ok(Some(known));
        }
        let read = asker.find(Service::Os, &format!("/customers/{id}")).await?;
        Ok(read.map(|customer| self.keep(&self.customers, id.0, customer)))
    }

    pub(crate) async fn vehicle(&self, asker: &Asker, id: VehicleId) -> Result<Option<Arc<Vehicle>>, No> {
        if let Some(known) = self.known(&self.vehicles, id.0) {
            return Ok(Some(known));
        }
        let read = asker.find(Service::Os, &format!("/vehicles/{id}")).await?;
        Ok(read.map(|vehicle| self.keep(&self.vehicles, id.0, vehicle)))
    }

    /// What was just changed by one of these pages is read anew.
    pub(crate) fn forget(&self, id: Uuid) {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.vehicles.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn known<T>(&self, shelf: &Shelf<T>, id: Uuid) -> Option<Arc<T>> {
        let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, known) = shelf.get(&id)?;
        (*until > self.clock.now()).then(|| Arc::clone(known))
    }

    fn keep<T>(&self, shelf: &Shelf<T>, id: Uuid, read: T) -> Arc<T> {
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= MOST {
            shelf.clear();
        }
        let read = Arc::new(read);
        shelf.insert(id, (self.clock.now() + KEPT, Arc::clone(&read)));
        read
    }
}
