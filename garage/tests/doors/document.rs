//! The operations of an OpenAPI document, and requests made from it: paths filled in with the ids of somebody's things,
//! bodies that are right as far as the document tells.

use std::{collections::BTreeMap, fmt};

use garage::shop::At;
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Ids and other names of somebody's things, by what a document calls them: `workOrderId`, `quoteId`, `plate`.
pub(crate) type Things = BTreeMap<&'static str, String>;

/// One thing that a service can be asked.
pub(crate) struct Operation {
    pub(crate) at: At,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Whether it asks for no token.
    pub(crate) is_open: bool,
    described: Value,
    schemas: Value,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} {}", self.at, self.method, self.path)
    }
}

/// All of a document's.
pub(crate) fn operations(at: At, document: &Value) -> Vec<Operation> {
    let schemas = &document["components"]["schemas"];
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().unwrap().iter();
        let of_method = |(method, described): (&String, &Value)| {
            let method: Method = method.to_uppercase().parse().ok()?;
            let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
            let is_open = described["security"] == json!([{}]);
            let (path, described, schemas) = (path.clone(), described.clone(), schemas.clone());
            known.contains(&method).then_some(Operation { at, method, path, is_open, described, schemas })
        };
        methods.filter_map(of_method).collect::<Vec<_>>()
    };
    document["paths"].as_object().unwrap().iter().flat_map(of_path).collect()
}

/// What `{id}` is, by the collection that it stands in.
const IDS: [(&str, &str); 9] = [
    ("/customers/", "customerId"),
    ("/vehicles/", "vehicleId"),
    ("/work-orders/", "workOrderId"),
    ("/quotes/", "quoteId"),
    ("/payments/", "paymentId"),
    ("/parts/", "partId"),
    ("/services/", "serviceId"),
    ("/executions/", "executionId"),
    ("/dead-letters/", "deadLetterId"),
];

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path to somebody's thing, with whatever the query can narrow it to.
    pub(crate) fn path_to(&self, things: &Things) -> String {
        let filled = self.filled(|name| {
            let id = IDS.iter().find(|(place, _)| self.path.contains(place)).map(|(_, name)| *name);
            let name = if name == "id" { id.unwrap_or(name) } else { name };
            let thing = things.get(name);
            thing.unwrap_or_else(|| panic!("{self}: teach doors/document.rs what {{{name}}} is")).clone()
        });
        let parameters = self.described["parameters"].as_array().cloned().unwrap_or_default();
        let named = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let narrowed = named.filter_map(|parameter| {
            let name = parameter["name"].as_str()?;
            things.get(name).map(|thing| format!("{name}={thing}"))
        });
        let query: Vec<String> = narrowed.collect();
        if query.is_empty() { filled } else { format!("{filled}?{}", query.join("&")) }
    }

    /// A path to no thing at all.
    pub(crate) fn path_to_nothing(&self) -> String {
        self.filled(|_| "nothing-of-the-sort".to_owned())
    }

    fn filled(&self, with: impl Fn(&str) -> String) -> String {
        let mut parts = self.path.split('{');
        let mut path = parts.next().unwrap_or_default().to_owned();
        for (name, rest) in parts.filter_map(|part| part.split_once('}')) {
            path.push_str(&with(name));
            path.push_str(rest);
        }
        path
    }

    /// A body that is right and about somebody's things, if the operation takes one.
    pub(crate) fn body_about(&self, things: &Things) -> Option<Value> {
        let schema = self.described["requestBody"]["content"]["application/json"].get("schema")?;
        Some(self.sample("", schema, things))
    }

    fn sample(&self, name: &str, schema: &Value, things: &Things) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let schema = reference.rsplit('/').next().map(|name| &self.schemas[name]);
            return self.sample(name, schema.unwrap_or(&Value::Null), things);
        }
        if let Some(thing) = things.get(name) {
            return json!(thing);
        }
        let choices = ["oneOf", "anyOf", "allOf"].iter().find_map(|choice| schema[*choice].as_array());
        if let Some(chosen) = choices.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
            return self.sample(name, chosen, things);
        }
        let given = schema.get("example").or_else(|| schema["enum"].as_array().and_then(|all| all.first()));
        given.cloned().unwrap_or_else(|| self.made_up(schema, things))
    }

    fn made_up(&self, schema: &Value, things: &Things) -> Value {
        let kinds = |kind: &str| {
            schema["type"] == kind || schema["type"].as_array().is_some_and(|all| all.contains(&json!(kind)))
        };
        match schema["format"].as_str() {
            Some("uuid") => return json!("01890000-0000-7000-8000-000000000000"),
            Some("date-time") => return json!("2030-01-01T00:00:00Z"),
            _ => {}
        }
        if kinds("object") || schema.get("properties").is_some() {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let fields =
                properties.iter().map(|(name, schema)| (name.clone(), self.sample(name, schema, things)));
            return Value::Object(fields.collect::<Map<_, _>>());
        }
        if kinds("array") {
            return json!([self.sample("", &schema["items"], things)]);
        }
        if kinds("integer") || kinds("number") {
            return schema.get("minimum").cloned().unwrap_or(json!(1));
        }
        if kinds("boolean") { json!(true) } else { json!("some words") }
    }
}
