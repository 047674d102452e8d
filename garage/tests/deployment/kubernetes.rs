//! Kubernetes' manifests: the base and what the overlays lay over it, file by file. An overlay's patches are parts of
//! manifests; of these only what they say of programs is looked at.

use std::collections::BTreeSet;

use garage_events::topology::QUEUES;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{
    compose::SERVICES,
    yaml::{help, knows, list, root, text, word},
};

const BASE: &str = "deploy/kubernetes/base";
const OVERLAYS: [&str; 2] = ["deploy/kubernetes/overlays/dev", "deploy/kubernetes/overlays/production"];
/// Kinds that an operator brings; their schemas are the operator's.
const OPERATORS: [(&str, &str); 6] = [
    ("cert-manager.io/v1", "Certificate"),
    ("cert-manager.io/v1", "Issuer"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("postgresql.cnpg.io/v1", "Cluster"),
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"),
];
/// The seconds for which a pod that is to end still takes requests.
const PRE_STOP: u64 = 5;

fn documents(path: &str) -> Vec<Value> {
    let all: Vec<Value> =
        serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"));
    all.into_iter().filter(|document| !document.is_null()).collect()
}

fn kustomization(folder: &str) -> Value {
    documents(&format!("{folder}/kustomization.yaml")).remove(0)
}

/// Whole manifests, with the file that each is in.
fn manifests(folder: &str) -> Vec<(String, Value)> {
    let resources = list(&kustomization(folder)["resources"]);
    let files = resources.iter().map(word).filter(|name| name.ends_with(".yaml"));
    let read = |name: &str| {
        let path = format!("{folder}/{name}");
        documents(&path).into_iter().map(|one| (path.clone(), one)).collect::<Vec<_>>()
    };
    files.flat_map(read).collect()
}

fn all_manifests() -> Vec<(String, Value)> {
    [BASE].iter().chain(&OVERLAYS).flat_map(|folder| manifests(folder)).collect()
}

fn base(kind: &str, name: &str) -> Value {
    let found =
        manifests(BASE).into_iter().find(|(_, one)| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}")).1
}

/// The part of a workload that is a pod.
fn pod(workload: &Value) -> &Value {
    match word(&workload["kind"]) {
        "CronJob" => &workload["spec"]["jobTemplate"]["spec"]["template"],
        _ => &workload["spec"]["template"],
    }
}

fn workloads(manifests: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let kinds = ["Deployment", "StatefulSet", "CronJob"];
    manifests.into_iter().filter(|(_, one)| kinds.contains(&word(&one["kind"]))).collect()
}

fn containers(workload: &Value) -> Vec<Value> {
    list(&pod(workload)["spec"]["containers"])
}

fn schema_of(api: &str, kind: &str) -> Option<Validator> {
    let names = [
        ("apps/v1", "Deployment", "io.k8s.api.apps.v1.Deployment"),
        ("apps/v1", "StatefulSet", "io.k8s.api.apps.v1.StatefulSet"),
        ("batch/v1", "CronJob", "io.k8s.api.batch.v1.CronJob"),
        ("networking.k8s.io/v1", "NetworkPolicy", "io.k8s.api.networking.v1.NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget", "io.k8s.api.policy.v1.PodDisruptionBudget"),
        ("v1", "ConfigMap", "io.k8s.api.core.v1.ConfigMap"),
        ("v1", "Namespace", "io.k8s.api.core.v1.Namespace"),
        ("v1", "Service", "io.k8s.api.core.v1.Service"),
    ];
    let (_, _, name) = names.into_iter().find(|(of, named, _)| (*of, *named) == (api, kind))?;
    let text =
        std::fs::read_to_string(root().join("garage/tests/schemas/kubernetes-1.34.json")).expect("a schema");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    schema["$ref"] = json!(format!("#/$defs/{name}"));
    Some(jsonschema::validator_for(&schema).expect("a schema"))
}

#[test]
fn every_manifest_is_what_kubernetes_allows() {
    for (path, mut manifest) in all_manifests() {
        let (api, kind) = (word(&manifest["apiVersion"]).to_owned(), word(&manifest["kind"]).to_owned());
        let Some(schema) = schema_of(&api, &kind) else {
            assert!(
                OPERATORS.contains(&(api.as_str(), kind.as_str())),
                "{path}: nobody knows a {kind} of {api}"
            );
            continue;
        };
        let told: Vec<String> = schema.iter_errors(&manifest).map(|error| error.to_string()).collect();
        assert!(told.is_empty(), "{path}: {kind}: {told:?}");
        manifest["metadata"]["lables"] = json!({});
        assert!(!schema.is_valid(&manifest), "{path}: {kind}: a misspelt word goes unseen");
    }
}

#[test]
fn every_file_is_used() {
    for folder in [BASE].iter().chain(&OVERLAYS) {
        let kustomization = kustomization(folder);
        let mut used: BTreeSet<String> = BTreeSet::from(["kustomization.yaml".to_owned()]);
        used.extend(list(&kustomization["resources"]).iter().map(|name| word(name).to_owned()));
        used.extend(list(&kustomization["patches"]).iter().map(|patch| word(&patch["path"]).to_owned()));
        used.remove("");
        used.remove("../../base");
        let there = std::fs::read_dir(root().join(folder)).expect("a folder");
        let there = there.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        assert_eq!(there.collect::<BTreeSet<_>>(), used, "{folder}");
        assert_eq!(kustomization["namespace"], "garage-management");
    }
}

#[test]
fn a_service_listens_where_it_is_looked_for_and_is_told_only_what_it_knows() {
    for (program, name, _, port) in SERVICES {
        let container = containers(&base("Deployment", name)).remove(0);
        assert_eq!(
            (&container["image"], &container["ports"][0]["containerPort"]),
            (&json!(program), &json!(port))
        );
        let service = base("Service", name);
        assert_eq!(service["spec"]["ports"][0]["port"], json!(port));
        assert_eq!(service["spec"]["selector"], base("Deployment", name)["spec"]["selector"]["matchLabels"]);
        let help = help(program);
        let patch = documents(&format!("{}/tls-{name}.yaml", OVERLAYS[1])).remove(0);
        for variable in list(&container["env"]).iter().chain(&list(&containers(&patch)[0]["env"])) {
            assert!(knows(&help, word(&variable["name"])), "{program} does not know {}", variable["name"]);
        }
    }
}

#[test]
fn the_screens_are_told_only_what_they_know() {
    let container = containers(&base("StatefulSet", "web")).remove(0);
    assert_eq!(
        (&container["image"], &container["ports"][0]["containerPort"]),
        (&json!("garage-web"), &json!(3000))
    );
    let help = help("garage-web");
    for variable in list(&container["env"]) {
        assert!(knows(&help, word(&variable["name"])), "garage-web does not know {}", variable["name"]);
    }
}

/// A broker that is away must not take the API down: commands commit, and events leave later.
#[test]
fn a_rollout_waits_for_everything_and_afterwards_a_service_takes_requests_while_it_lives() {
    for (_, name, ..) in SERVICES {
        let container = containers(&base("Deployment", name)).remove(0);
        let path = |probe: &str| word(&container[probe]["httpGet"]["path"]).to_owned();
        let paths = ["startupProbe", "readinessProbe", "livenessProbe"].map(path);
        assert_eq!(paths, ["/health/ready", "/health/live", "/health/live"]);
        let strategy = base("Deployment", name)["spec"]["strategy"]["rollingUpdate"].clone();
        assert_eq!(strategy, json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    }
}

#[test]
fn a_pod_is_not_killed_while_it_stops() {
    for (_, name, ..) in SERVICES {
        let deployment = base("Deployment", name);
        let pod = &pod(&deployment)["spec"];
        assert_eq!(pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"], PRE_STOP);
        let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("seconds");
        assert!(grace > PRE_STOP + garage_saga::service::STOPPING.as_secs() + 1, "{name}");
        assert_eq!(base("PodDisruptionBudget", name)["spec"]["minAvailable"], 1);
    }
}

#[test]
fn every_pod_may_do_nothing_that_it_does_not_need() {
    for (path, workload) in workloads(all_manifests()) {
        let spec = &pod(&workload)["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{path}");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{path}");
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{path}");
        for container in list(&spec["containers"]) {
            let name = word(&container["name"]).to_owned();
            assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false, "{path}: {name}");
            assert_eq!(
                container["securityContext"]["capabilities"]["drop"],
                json!(["ALL"]),
                "{path}: {name}"
            );
            assert!(container["resources"]["limits"]["memory"].is_string(), "{path}: {name} has no limit");
            let ours = word(&container["image"]).starts_with("garage-");
            assert!(
                !ours || container["securityContext"]["readOnlyRootFilesystem"] == true,
                "{path}: {name}"
            );
        }
    }
}

#[test]
fn no_secret_stands_in_a_manifest() {
    let secret = ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL", "MONGODB_URI", "RABBITMQ_URL"];
    let mut count = 0;
    for (path, workload) in workloads(all_manifests()) {
        for variable in containers(&workload).iter().flat_map(|container| list(&container["env"])) {
            let name = word(&variable["name"]).to_owned();
            if secret.iter().any(|word| name.contains(word)) {
                assert!(variable["valueFrom"]["secretKeyRef"].is_object(), "{path}: {name}");
                count += 1;
            }
        }
    }
    assert!(count > 12, "{count} secrets are referred to");
    assert!(!all_manifests().iter().any(|(_, one)| one["kind"] == "Secret"));
}

#[test]
fn nobody_speaks_to_anybody_but_who_must() {
    let nobody = base("NetworkPolicy", "nobody");
    assert_eq!(nobody["spec"], json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }));
    for (path, workload) in workloads(all_manifests()) {
        let labels = &pod(&workload)["metadata"]["labels"];
        let policies = all_manifests().into_iter().filter(|(_, one)| one["kind"] == "NetworkPolicy");
        let selects = |policy: &Value| {
            let wanted =
                policy["spec"]["podSelector"]["matchLabels"].as_object().cloned().unwrap_or_default();
            !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
        };
        assert!(
            policies.map(|(_, policy)| policy).any(|policy| selects(&policy)),
            "{path}: {labels} is cut off"
        );
    }
    let billing = base("NetworkPolicy", "billing-service")["spec"]["egress"].to_string();
    assert!(billing.contains("\"port\":443"), "Billing cannot reach the payment gateway");
    for other in ["os-service", "execution-service"] {
        assert!(!base("NetworkPolicy", other)["spec"]["egress"].to_string().contains("ipBlock"), "{other}");
    }
}

#[test]
fn the_screens_have_a_way_to_a_provider_only_where_somebody_opens_it() {
    assert!(!base("NetworkPolicy", "web")["spec"]["egress"].to_string().contains("ipBlock"));
    let opened = documents("deploy/kubernetes/oidc.yaml").remove(0);
    let selector = &base("StatefulSet", "web")["spec"]["selector"];
    assert_eq!(opened["spec"]["podSelector"]["matchLabels"], selector["matchLabels"]);
    let billing = base("NetworkPolicy", "billing-service")["spec"]["egress"].clone();
    let outside = list(&billing).into_iter().find(|way| way.to_string().contains("ipBlock"));
    assert_eq!(
        list(&opened["spec"]["egress"]),
        Vec::from_iter(outside),
        "it is Billing's way to its gateway"
    );
}

#[test]
fn replicas_follow_queues_that_are_the_services_own() {
    let mut scaled = Vec::new();
    for (path, one) in manifests(OVERLAYS[1]).into_iter().filter(|(_, one)| one["kind"] == "ScaledObject") {
        let service = word(&one["spec"]["scaleTargetRef"]["name"]).to_owned();
        assert!(one["spec"]["minReplicaCount"].as_u64() >= Some(1), "{path}: somebody must empty the outbox");
        for trigger in list(&one["spec"]["triggers"]).iter().filter(|trigger| trigger["type"] == "rabbitmq") {
            let queue = word(&trigger["metadata"]["queueName"]);
            let known = QUEUES.iter().find(|known| known.name == queue);
            assert_eq!(known.map(|known| known.owner.word()), Some(service.as_str()), "{path}: {queue}");
        }
        scaled.push(service);
    }
    assert_eq!(scaled, SERVICES.map(|(_, name, ..)| name));
}

#[test]
fn the_broker_is_where_the_documents_say() {
    let ports = |overlay: &str, kind: &str| -> String {
        let found = manifests(overlay)
            .into_iter()
            .find(|(_, one)| one["kind"] == kind && one["metadata"]["name"] == "rabbitmq");
        found.expect("a broker").1.to_string()
    };
    assert!(ports(OVERLAYS[0], "Service").contains("\"port\":5672"));
    assert!(ports(OVERLAYS[1], "RabbitmqCluster").contains("\"disableNonTLSListeners\":true"));
}

#[test]
fn the_orders_are_compared_by_a_command_that_exists() {
    let container = containers(&base("CronJob", "reconcile")).remove(0);
    assert_eq!(
        (&container["image"], &container["command"]),
        (&json!("garage-os-service"), &json!(["/usr/local/bin/garage"]))
    );
    let arguments = list(&container["args"]);
    let output = std::process::Command::new(crate::chain::built("garage"))
        .args([word(&arguments[0]), "--help"])
        .output()
        .expect("garage runs");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for argument in &arguments[1..] {
        let name = word(argument).split('=').next().unwrap_or_default();
        assert!(help.contains(name), "`garage {}` does not know {name}", word(&arguments[0]));
    }
    let recipe = text("garage-os-service/Dockerfile");
    let installed = recipe.split_whitespace().any(|word| word == "target/release/garage");
    assert!(installed, "garage is not in the OS Service's image");
}
