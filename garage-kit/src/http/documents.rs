//! The OpenAPI document: what a service says of its routes, and what the shell adds to every service's.

use utoipa::{
    OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{FieldError, ProblemBody, health, metrics};

#[derive(OpenApi)]
#[openapi(paths(health::health, health::live, health::ready, metrics::metrics), components(schemas(ProblemBody<'_>, FieldError)))]
struct Shared;

/// The whole document of a service whose own routes are `api`: with the problem's shape, the routes of the
/// shell, and a bearer token asked for wherever a route does not say `security(())`.
#[must_use]
pub fn documented(mut api: openapi::OpenApi) -> openapi::OpenApi {
    api.merge(Shared::openapi());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    api.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    api.security.get_or_insert_default().push(SecurityRequirement::new("bearer", Vec::<String>::new()));
    api
}
