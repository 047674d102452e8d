//! The OpenAPI document: what a service says of its routes, what the shell adds to every service's, and what
//! is the same for all routes and therefore not said at each.

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, routing::get};
use utoipa::{
    IntoParams, OpenApi,
    openapi::{
        self, KnownFormat, ObjectBuilder, PathItem, RefOr, Required, SchemaFormat, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{Command, FieldError, IfMatch, ProblemBody, health, metrics};

#[derive(OpenApi)]
#[openapi(
    paths(health::health, health::live, health::ready, metrics::metrics),
    components(schemas(ProblemBody<'_>, FieldError))
)]
struct Shared;

/// The whole document of a service whose own routes are `api`: with the problem's shape, the routes of the
/// shell, and a bearer token asked for wherever a route does not say `security(())`. Operations are named
/// after their addresses, and parameters of a path that nobody described are described by their names.
#[must_use]
pub fn documented(mut api: openapi::OpenApi) -> openapi::OpenApi {
    api.merge(Shared::openapi());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    api.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    api.security.get_or_insert_default().push(SecurityRequirement::new("bearer", Vec::<String>::new()));
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            describe_path_parameters(path, operation);
        }
    }
    api
}

/// Serves the document of a service and a page to try it on. What is kept is its text: the tree takes several times as much.
#[expect(clippy::expect_used, reason = "a tree of texts and lists has a JSON text")]
pub(super) fn document_routes(api: openapi::OpenApi) -> Router {
    let text = Bytes::from(documented(api).to_json().expect("a document is JSON"));
    let show = async move || ([(CONTENT_TYPE, "application/json")], text.clone());
    let page = SwaggerUi::new("/api").config(Config::new(["/openapi.json"]));
    Router::new().route("/openapi.json", get(show)).merge(page)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// `get /customers/{id}` is `getCustomersById`: unique, where the functions' names are not.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(['/', '-', '.', '_', '}']).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| match word.strip_prefix('{') {
        Some(parameter) => id + "By" + &capitalized(parameter),
        None => id + &capitalized(word),
    })
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The macros see only parameters of primitive types, and ids are types of their own.
fn describe_path_parameters(path: &str, operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        let name = name.trim_start_matches('*');
        let described = |known: &RefOr<Parameter>| matches!(known, RefOr::T(known) if known.name == name);
        if !parameters.iter().any(described) {
            let is_id = name.to_lowercase().ends_with("id");
            let format = is_id.then_some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
            parameters.push(text(name, ParameterIn::Path, format).required(Required::True).build().into());
        }
    }
    if parameters.is_empty() {
        operation.parameters = None;
    }
}

fn text(name: &str, place: ParameterIn, format: Option<SchemaFormat>) -> ParameterBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::String).format(format);
    ParameterBuilder::new().name(name).parameter_in(place).schema(Some(schema))
}

fn header(name: &str, description: &str) -> Vec<Parameter> {
    let header = text(name, ParameterIn::Header, None).required(Required::False);
    vec![header.description(Some(description)).build()]
}

impl IntoParams for IfMatch {
    /// For a route's document: `params(IfMatch)`.
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        header("If-Match", "The ETag that the change is meant for; 412 when there is a newer one")
    }
}

impl<T> IntoParams for Command<T> {
    /// For a route's document: `params(Command<…>)`.
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        header(
            "Idempotency-Key",
            "The same key with the same body has one effect and one answer, however often it is sent",
        )
    }
}
