//! `cargo xtask validate`: what others will read of us is read by the field's own validators first. The tests hold the
//! same files to the programs and to the formats' schemas; here is a second opinion that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console::say;
use crate::leash::Leash;
use crate::process::{output_of, run as run_command};
use crate::programs::validators::Validators;
use crate::programs::{on_path, workspace};

/// As the schema that the tests have.
const KUBERNETES: &str = "1.34";
const BASE: &str = "deploy/kubernetes/base";
const OVERLAYS: [&str; 2] = ["deploy/kubernetes/overlays/dev", "deploy/kubernetes/overlays/production"];

type Check = fn(&Leash, &Validators) -> Result<()>;

const CHECKS: [(&str, Check); 6] = [
    ("OpenAPI", openapi),
    ("AsyncAPI", asyncapi),
    ("Compose", compose),
    ("Kubernetes", kubernetes),
    ("Prometheus", prometheus),
    ("Grafana", grafana),
];

/// Every check, up to the first that fails.
pub(crate) fn run(leash: &Leash) -> Result<()> {
    let validators = Validators::find()?;
    for (name, check) in CHECKS {
        check(leash, &validators).with_context(|| format!("{name}: not valid"))?;
        say(&format!("{name}: valid"));
    }
    Ok(())
}

fn openapi(leash: &Leash, validators: &Validators) -> Result<()> {
    let documents = ["os", "billing", "execution"].map(|name| format!("docs/contracts/openapi-{name}.json"));
    run_command(leash, validators.python().args(["-m", "openapi_spec_validator"]).args(documents))
}

fn asyncapi(leash: &Leash, validators: &Validators) -> Result<()> {
    run_command(leash, validators.asyncapi().arg("docs/contracts/asyncapi.json"))
}

fn compose(leash: &Leash, validators: &Validators) -> Result<()> {
    let services =
        ["os", "billing", "execution"].map(|name| format!("garage-{name}-service/docker-compose.yml"));
    let mut check = validators.python();
    check.args(["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]);
    run_command(leash, check.args(services).args(["compose.yaml", "deploy/compose/together.yaml"]))
}

/// The overlays as they would be applied where something here can build them, and else every manifest by itself.
fn kubernetes(leash: &Leash, validators: &Validators) -> Result<()> {
    let manifests = match builder() {
        Some(builder) => {
            OVERLAYS.iter().map(|overlay| built(&builder, overlay)).collect::<Result<Vec<_>>>()?
        }
        None => {
            say("neither kubectl nor kustomize here: manifests are checked without the overlays' patches");
            let folders = [BASE].into_iter().chain(OVERLAYS);
            folders.map(resources).collect::<Result<Vec<_>>>()?.concat()
        }
    };
    let mut check = validators.python();
    check.args(["-m", "kubernetes_validate", "--strict", "--quiet", "--no-warn", "-k", KUBERNETES]);
    run_command(leash, check.args(manifests))
}

/// The beginning of the command that prints an overlay.
fn builder() -> Option<Vec<PathBuf>> {
    let kubectl = on_path("kubectl").map(|program| vec![program, "kustomize".into()]);
    kubectl.or_else(|| on_path("kustomize").map(|program| vec![program, "build".into()]))
}

fn built(builder: &[PathBuf], overlay: &str) -> Result<PathBuf> {
    let (program, arguments) = builder.split_first().context("a program")?;
    let manifests = output_of(Command::new(program).args(arguments).arg(overlay).current_dir(workspace()))?;
    let name = Path::new(overlay).file_name().context("an overlay has a name")?;
    let path = workspace().join("target/validators").join(name).with_extension("yaml");
    std::fs::write(&path, manifests)?;
    Ok(path)
}

fn resources(folder: &str) -> Result<Vec<PathBuf>> {
    let kustomization = workspace().join(folder).join("kustomization.yaml");
    let named = named_resources(&std::fs::read_to_string(&kustomization)?);
    ensure!(!named.is_empty(), "{} names no resources", kustomization.display());
    Ok(named.iter().map(|name| Path::new(folder).join(name)).collect())
}

/// The files under `resources:`, of which patches are none.
fn named_resources(kustomization: &str) -> Vec<String> {
    let list = kustomization.lines().skip_while(|line| line.trim_end() != "resources:").skip(1);
    let items = list.map_while(|line| line.trim_start().strip_prefix("- "));
    items.filter(|name| name.ends_with(".yaml")).map(str::to_owned).collect()
}

fn prometheus(leash: &Leash, validators: &Validators) -> Result<()> {
    run_command(leash, validators.promtool().args(["check", "config", "deploy/prometheus/prometheus.yaml"]))?;
    run_command(leash, validators.promtool().args(["test", "rules", "deploy/prometheus/alerts.test.yaml"]))
}

fn grafana(leash: &Leash, validators: &Validators) -> Result<()> {
    run_command(
        leash,
        validators.python().args(["xtask/validators/dashboard.py", "deploy/grafana/garage.json"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_no_manifests() {
        let kustomization = "resources:\n  - ../../base\n  - rabbitmq.yaml\npatches:\n  - path: tls.yaml\n";
        assert_eq!(named_resources(kustomization), ["rabbitmq.yaml"]);
    }

    #[test]
    fn every_folder_names_manifests_that_are_there() {
        for folder in [BASE].into_iter().chain(OVERLAYS) {
            for path in resources(folder).unwrap() {
                assert!(workspace().join(&path).is_file(), "{}", path.display());
            }
        }
    }
}
