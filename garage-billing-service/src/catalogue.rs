//! Prices for what was asked for, looked up at once for however many quotes.

use garage_events::{PartId, ServiceId};
use garage_kit::{Failure, Repository};

use crate::{
    part::Part,
    quote::{Catalogue, Priced},
    service::Service,
};

/// What the catalogue knows of these. A service that is no longer offered has its price still.
///
/// # Errors
/// When the store fails.
pub(crate) async fn look_up(
    repository: &Repository,
    parts: Vec<PartId>,
    services: Vec<ServiceId>,
) -> Result<Catalogue, Failure> {
    let parts: Vec<_> = parts.into_iter().map(|id| id.0).collect();
    let services: Vec<_> = services.into_iter().map(|id| id.0).collect();
    let parts = repository.load_many::<Part>(&parts).await?.into_iter().map(|part| part.state);
    let services = repository.load_many::<Service>(&services).await?.into_iter().map(|service| service.state);
    Ok(Catalogue {
        parts: parts.map(|part| (part.id, Priced { name: part.card.name, price: part.card.price })).collect(),
        services: services
            .map(|service| (service.id, Priced { name: service.card.name, price: service.card.price }))
            .collect(),
    })
}
