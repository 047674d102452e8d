//! The Compose files: three that are started one after the other, and one for everything at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::yaml::{help, knows, list, root, word, yaml};

/// Folder, service, its databases' service, port.
pub(crate) const SERVICES: [(&str, &str, &str, u16); 3] = [
    ("garage-os-service", "os-service", "postgres", 3001),
    ("garage-billing-service", "billing-service", "mongodb", 3002),
    ("garage-execution-service", "execution-service", "postgres-execution", 3003),
];

pub(crate) fn file(folder: &str) -> Value {
    yaml(&format!("{folder}/docker-compose.yml"))
}

/// `${NAME:-default}` as it is when nothing is set.
pub(crate) fn unset(text: &str) -> String {
    let mut parts = text.split("${");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, rest) = part.split_once('}').unwrap_or_else(|| panic!("an open brace in {text}"));
        let (_, default) = inside.split_once(":-").unwrap_or_else(|| panic!("{text} has no default"));
        plain.push_str(default);
        plain.push_str(rest);
    }
    plain
}

/// A container's variables when nothing is set; those that are only passed on are then not there.
pub(crate) fn variables(service: &Value) -> BTreeMap<String, String> {
    let all = service["environment"].as_object().expect("variables").iter();
    all.filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), unset(word(value))))
        .collect()
}

#[test]
fn every_file_is_what_compose_allows() {
    let schema =
        std::fs::read_to_string(root().join("garage/tests/schemas/compose-spec.json")).expect("a schema");
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let folders = SERVICES.map(|(folder, ..)| format!("{folder}/docker-compose.yml"));
    for path in
        folders.into_iter().chain(["compose.yaml".to_owned(), "deploy/compose/together.yaml".to_owned()])
    {
        let mut file = yaml(&path);
        let told: Vec<String> = schema.iter_errors(&file).map(|error| error.to_string()).collect();
        assert!(told.is_empty(), "{path}: {told:?}");
        file["services"]["some"] = json!({ "image": "some", "healthchek": {} });
        assert!(!schema.is_valid(&file), "a misspelt word goes unseen");
    }
}

#[test]
fn containers_have_the_names_and_ports_that_the_documents_say() {
    let mut ports = BTreeMap::new();
    for (folder, ..) in SERVICES {
        for (name, service) in file(folder)["services"].as_object().expect("services") {
            let bound = |port: &Value| unset(word(port)).trim_start_matches("127.0.0.1:").to_owned();
            ports.insert(
                name.clone(),
                list(&service["ports"]).iter().map(bound).collect::<Vec<_>>().join(" "),
            );
        }
    }
    ports.retain(|_, ports| !ports.is_empty());
    let wanted = [
        ("postgres", "5432:5432"),
        ("rabbitmq", "5672:5672 15672:15672"),
        ("os-service", "3001:3001"),
        ("mongodb", "27017:27017"),
        ("billing-service", "3002:3002"),
        ("postgres-execution", "5433:5432"),
        ("execution-service", "3003:3003"),
    ];
    assert_eq!(ports, wanted.map(|(name, ports)| (name.to_owned(), ports.to_owned())).into());
}

#[test]
fn the_first_makes_the_network_and_the_secret_that_the_others_join() {
    for (folder, ..) in SERVICES {
        let file = file(folder);
        let joins = json!(folder != "garage-os-service");
        assert_eq!(
            file["networks"]["garage-network"],
            json!({ "name": "garage-network", "external": joins })
        );
        assert_eq!(file["volumes"]["garage-secrets"], json!({ "name": "garage-secrets", "external": joins }));
    }
}

/// An engine refuses to include two files that say different things of one network.
#[test]
fn everything_at_once_says_the_same_of_what_is_shared() {
    let (all, over) = (yaml("compose.yaml"), yaml("deploy/compose/together.yaml"));
    let included: Vec<Value> = list(&all["include"]);
    assert_eq!(included[0], "garage-os-service/docker-compose.yml");
    for (included, (folder, ..)) in included[1..].iter().zip(&SERVICES[1..]) {
        let paths = json!([format!("{folder}/docker-compose.yml"), "deploy/compose/together.yaml"]);
        assert_eq!((&included["path"], &included["project_directory"]), (&paths, &json!(folder)));
        for (kind, name) in [("networks", "garage-network"), ("volumes", "garage-secrets")] {
            let mut merged = file(folder)[kind][name].clone();
            merged["external"] = over[kind][name]["external"].clone();
            assert_eq!(merged, file("garage-os-service")[kind][name], "{folder}: {name}");
        }
    }
    let mut names: Vec<String> = Vec::new();
    for (folder, ..) in SERVICES {
        names.extend(file(folder)["services"].as_object().expect("services").keys().cloned());
    }
    names.extend(all["services"].as_object().expect("services").keys().cloned());
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "two files have a container of the same name");
}

#[test]
fn a_service_is_told_only_what_it_knows() {
    for (folder, name, ..) in SERVICES {
        let (file, help) = (file(folder), help(folder));
        for variable in file["services"][name]["environment"].as_object().expect("variables").keys() {
            assert!(knows(&help, variable), "{folder} does not know {variable}");
        }
    }
    let web = yaml("compose.yaml")["services"]["web"]["environment"].clone();
    for variable in web.as_object().expect("variables").keys() {
        assert!(knows(&help("garage-web"), variable), "garage-web does not know {variable}");
    }
    assert!(!knows(&help("garage-os-service"), "MONGODB_URI"), "a wrong variable goes unseen");
}

#[test]
fn nothing_starts_before_what_it_needs_and_everything_says_when_it_is_well() {
    for (folder, name, database, _) in SERVICES {
        let services = file(folder)["services"].clone();
        assert_eq!(services[name]["depends_on"][database]["condition"], "service_healthy");
        let secrets = services[database]["depends_on"].as_object().expect("secrets first");
        assert!(secrets.values().all(|one| one["condition"] == "service_completed_successfully"));
        for (other, service) in services.as_object().expect("services") {
            let ends = other.ends_with("-secrets");
            assert_eq!(service["healthcheck"].is_object(), !ends, "{folder}: {other}");
        }
        let asks = json!(["CMD", format!("/usr/local/bin/{folder}"), "healthcheck"]);
        assert_eq!(services[name]["healthcheck"]["test"], asks);
    }
    let os = file("garage-os-service");
    assert_eq!(os["services"]["os-service"]["depends_on"]["rabbitmq"]["condition"], "service_healthy");
}

#[test]
fn a_service_may_do_nothing_that_it_does_not_need() {
    let web = yaml("compose.yaml")["services"]["web"].clone();
    for service in
        SERVICES.map(|(folder, name, ..)| file(folder)["services"][name].clone()).iter().chain([&web])
    {
        assert_eq!((&service["read_only"], &service["cap_drop"]), (&json!(true), &json!(["ALL"])));
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]));
        let grace = word(&service["stop_grace_period"]).trim_end_matches('s').parse::<u64>();
        assert!(
            grace.expect("seconds") > garage_saga::service::STOPPING.as_secs(),
            "it is killed while it stops"
        );
    }
}

#[test]
fn no_secret_stands_in_a_file() {
    for (folder, ..) in SERVICES {
        let services = file(folder)["services"].clone();
        for (name, service) in services.as_object().expect("services") {
            // What is only passed on has no value here.
            let written = service["environment"].as_object().into_iter().flatten();
            let secrets = written.filter(|(_, value)| !value.is_null());
            for (variable, value) in
                secrets.filter(|(name, _)| name.contains("PASSWORD") || name.contains("SECRET"))
            {
                let from_a_file = variable.ends_with("_FILE") && word(value).starts_with("/run/");
                assert!(from_a_file, "{folder}: {name}: {variable} is {value}");
            }
        }
    }
}
