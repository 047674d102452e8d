//! `/customers`.

use axum::{
    extract::{Path as Segments, State},
    http::StatusCode,
    routing::get,
};
use chrono::{DateTime, Utc};
use garage_events::{CustomerId, milliseconds, milliseconds_if_any};
use garage_kit::{
    Loaded, Unchanged,
    auth::By,
    http::{
        Answer, Created, FieldError, Fields, FromFields, IfMatch, Json, Listing, Page, PageParams, Path,
        Problem, Query, Versioned, read,
    },
    store::{self, Order},
};
use garage_saga::{
    Shell, problem,
    roles::{Desk, Manager, Staff},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Changes, Customer, PersonType, Profile};
use crate::{
    document::Document,
    http::{changed, keep, sought},
};

mod erasure;

pub(crate) fn routes(shell: Shell) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(register, list))
        .routes(routes!(one, edit, remove))
        .routes(routes!(by_document))
        .routes(routes!(erasure::erase, erasure::erased))
        .route("/customers/document/{document}/{rest}", get(by_document_with_slash))
        .with_state(shell)
}

/// A customer. Once erased, nothing but its id and its times.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
#[serde(rename_all = "camelCase")]
struct CustomerView {
    id: CustomerId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ana Souza")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_type: Option<PersonType>,
    /// CPF or CNPJ without punctuation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "52998224725")]
    document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    /// Area code and number, digits only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "11987654321")]
    phone: Option<String>,
    /// When the customer's data were erased, if they were.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds_if_any")]
    erased_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        let profile = customer.profile();
        Self {
            id: customer.id,
            name: profile.map(|profile| profile.name.clone()),
            person_type: profile.map(Profile::person_type),
            document: profile.map(|profile| profile.document.as_str().to_owned()),
            email: profile.and_then(|profile| Some(profile.email.as_ref()?.as_str().to_owned())),
            phone: profile.map(|profile| profile.phone.as_str().to_owned()),
            erased_at: customer.erasure().map(|erasure| erasure.at),
            created_at: customer.created_at,
            updated_at: customer.updated_at,
        }
    }
}

fn view(read: Loaded<Customer>) -> Versioned<CustomerView> {
    Versioned(read.version, read.state.into())
}

/// What is written down of a new customer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what Profile reads")]
struct NewCustomer {
    #[schema(min_length = 1, max_length = 200, example = "Ana Souza")]
    name: String,
    person_type: PersonType,
    /// A CPF for an INDIVIDUAL, a CNPJ for a COMPANY (its letters too), with or without punctuation.
    #[schema(example = "529.982.247-25")]
    document: String,
    #[schema(example = "ana@example.com")]
    email: Option<String>,
    /// A Brazilian number with its area code.
    #[schema(example = "11987654321")]
    phone: String,
}

impl FromFields for Profile {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = fields.required("name", read::text(1..=200));
        let person_type = fields.required("personType", read::value::<PersonType>);
        let document = fields.required("document", read::parse::<Document>);
        let email = fields.optional("email", read::parse);
        let phone = fields.required("phone", read::parse);
        let document = match (person_type, document) {
            (Ok(person_type), Ok(document)) => match person_type.objection(&document) {
                Some(objection) => Err(fields.refuse("document", objection)),
                None => Ok(document),
            },
            (Err(reported), _) | (_, Err(reported)) => Err(reported),
        };
        Ok(Self { name: name?, document: document?, email: email?, phone: phone? })
    }
}

/// What is to be changed of a customer; what is missing stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documents what Changes reads")]
struct CustomerChanges {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    person_type: Option<PersonType>,
    document: Option<String>,
    /// Null takes it away.
    email: Option<String>,
    phone: Option<String>,
}

impl FromFields for Changes {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let name = changed(fields, "name", read::text(1..=200));
        let person_type = changed(fields, "personType", read::value);
        let document = changed(fields, "document", read::parse);
        let email = fields.patch("email", read::parse);
        let phone = changed(fields, "phone", read::parse);
        Ok(Self { name: name?, person_type: person_type?, document: document?, email: email?, phone: phone? })
    }
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Words, each of which the name, document, e-mail or phone contains; their order, accents, capitals and punctuation do
    /// not matter. The first eight count.
    q: Option<String>,
}

impl FromFields for Filter {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        Ok(Self { q: sought(fields)? })
    }
}

/// The store's rules in this route's words.
fn unwritten(unchanged: Unchanged<Problem>) -> Problem {
    match unchanged {
        Unchanged::Taken(_) => Problem::conflict("another customer has this document").coded("taken"),
        Unchanged::Dangling => {
            Problem::conflict("the customer has vehicles or work orders and stays with them").coded("in_use")
        }
        refused @ (Unchanged::Refused(_) | Unchanged::Failed(_)) => refused.into(),
    }
}

fn unknown() -> Problem {
    Problem::not_found("customer")
}

/// Registers a customer.
#[utoipa::path(post, path = "/customers", tag = "customers", request_body = NewCustomer,
    responses((status = 201, description = "Registered", body = CustomerView), Problem))]
async fn register(
    State(shell): State<Shell>,
    _: By<Desk>,
    Json(profile): Json<Profile>,
) -> Result<Created<Versioned<CustomerView>>, Problem> {
    let id = CustomerId(shell.clock.id());
    let customer = |_, at| Ok(Some(Customer::new(id, profile.clone(), at)));
    let written = keep(&shell, id.0, IfMatch(None), customer).await.map_err(unwritten)?;
    Ok(Created(format!("/customers/{id}"), view(written.ok_or_else(Problem::internal)?)))
}

/// The customers, newest first.
#[utoipa::path(get, path = "/customers", tag = "customers", params(Filter, PageParams),
    responses((status = 200, description = "A page of them; the Link header leads to the next", body = [CustomerView]), Problem))]
async fn list(
    State(shell): State<Shell>,
    _: By<Staff>,
    Query(filter): Query<Filter>,
    page: Page,
) -> Result<Listing<CustomerView>, Problem> {
    let query = store::Query { search: filter.q, ..page.query(Order::Newest, Vec::new()) };
    let found = shell.repository.find::<Customer>(&query).await?;
    Ok(page.answer(&query, found, |read| read.state.into()))
}

/// A customer.
#[utoipa::path(get, path = "/customers/{id}", tag = "customers",
    responses((status = 200, description = "The customer", body = CustomerView), Problem))]
async fn one(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(id): Path<CustomerId>,
) -> Result<Versioned<CustomerView>, Problem> {
    let read = shell.repository.load::<Customer>(id.0).await?;
    read.map(view).ok_or_else(unknown)
}

/// The customer with a document, however it is written.
#[utoipa::path(get, path = "/customers/document/{document}", tag = "customers",
    params(("document" = String, Path, description = "CPF or CNPJ, with or without punctuation", example = "52998224725")),
    responses((status = 200, description = "The customer", body = CustomerView), Problem))]
async fn by_document(
    State(shell): State<Shell>,
    _: By<Staff>,
    Path(document): Path<String>,
) -> Result<Versioned<CustomerView>, Problem> {
    let wrong = |cause: crate::document::NotADocument| {
        Problem::invalid(vec![FieldError::new("document", cause.to_string())])
    };
    let document: Document = document.parse().map_err(wrong)?;
    let read = shell.repository.by::<Customer>("document", document.as_str()).await?;
    read.map(view).ok_or_else(unknown)
}

/// A CNPJ's punctuation has a slash, which not every client escapes.
async fn by_document_with_slash(
    shell: State<Shell>,
    staff: By<Staff>,
    Segments((document, rest)): Segments<(String, String)>,
) -> Result<Versioned<CustomerView>, Problem> {
    by_document(shell, staff, Path(format!("{document}/{rest}"))).await
}

/// Changes what is written down of a customer.
#[utoipa::path(patch, path = "/customers/{id}", tag = "customers", request_body = CustomerChanges,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the version that was edited")),
    responses((status = 200, description = "Changed", body = CustomerView), Problem))]
async fn edit(
    State(shell): State<Shell>,
    _: By<Desk>,
    Path(id): Path<CustomerId>,
    seen: IfMatch,
    Json(changes): Json<Changes>,
) -> Result<Versioned<CustomerView>, Problem> {
    let edited = |known: Option<Customer>, at| {
        known.ok_or_else(unknown)?.edit(changes.clone(), at).map(Some).map_err(problem)
    };
    let written = keep(&shell, id.0, seen, edited).await.map_err(unwritten)?;
    written.map(view).ok_or_else(Problem::internal)
}

/// Deletes a customer that has neither vehicles nor work orders; who has is erased. The manager's.
#[utoipa::path(delete, path = "/customers/{id}", tag = "customers",
    params(("If-Match" = Option<String>, Header, description = "The ETag of the version that was seen")),
    responses((status = 204, description = "Gone"), Problem))]
async fn remove(
    State(shell): State<Shell>,
    _: By<Manager>,
    Path(id): Path<CustomerId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let removed =
        |known: Option<Customer>, _| match known.ok_or_else(unknown)?.erasure() {
            None => Ok(None),
            Some(_) => Err(Problem::conflict("the customer has been erased, and the record of that stays")
                .coded("erased")),
        };
    keep(&shell, id.0, seen, removed).await.map_err(unwritten)?;
    Ok(StatusCode::NO_CONTENT)
}
