//! What a program is made of, by cargo's own word: the packages that are linked into it, where they come from, under which
//! licences. As a CycloneDX bill of materials, and as the texts that the licences want to be given on. No time and no
//! number by chance is in either, so that the same packages are the same bill.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::gate::cargo;
use crate::process::output_of;
use crate::programs::workspace;

const ROOT: &str = "garage";
/// Files that are licences or what must be given on with them.
const LICENCES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// The packages of one platform's program.
pub(super) struct Bill {
    root: String,
    /// By their id.
    packages: BTreeMap<String, Value>,
    needs: BTreeMap<String, BTreeSet<String>>,
    checksums: BTreeMap<(String, String), String>,
}

impl Bill {
    pub(super) fn of(target: &str) -> Result<Self> {
        let mut metadata = cargo("metadata");
        metadata.args(["--format-version", "1", "--locked", "--filter-platform", target]);
        let metadata: Value = serde_json::from_str(&output_of(&mut metadata)?)?;
        let lock = std::fs::read_to_string(workspace().join("Cargo.lock"))?;
        Self::read(&metadata, checksums(&lock))
    }

    fn read(metadata: &Value, checksums: BTreeMap<(String, String), String>) -> Result<Self> {
        let all: BTreeMap<String, &Value> =
            list(&metadata["packages"]).map(|package| (word(&package["id"]), package)).collect();
        let root = all.iter().find(|(_, package)| package["name"] == ROOT);
        let root = root.context("cargo knows no package garage")?.0.clone();
        let nodes = list(&metadata["resolve"]["nodes"]);
        let needs: BTreeMap<String, BTreeSet<String>> =
            nodes.map(|node| (word(&node["id"]), linked(node))).collect();
        let (mut packages, mut open) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(id) = open.pop() {
            let package = *all.get(&id).with_context(|| format!("cargo does not tell of {id}"))?;
            if packages.insert(id.clone(), package.clone()).is_none() {
                open.extend(needs.get(&id).into_iter().flatten().cloned());
            }
        }
        Ok(Self { root, packages, needs, checksums })
    }

    pub(super) fn version(&self) -> String {
        self.packages.get(&self.root).map(|package| word(&package["version"])).unwrap_or_default()
    }

    /// CycloneDX 1.5.
    pub(super) fn document(&self) -> Result<String> {
        let others = self.packages.iter().filter(|(id, _)| **id != self.root);
        let components: Vec<Value> = others.map(|(_, package)| self.component(package)).collect();
        let dependencies = self.packages.iter().map(|(id, package)| {
            let on = self.needs.get(id).into_iter().flatten().filter_map(|id| self.packages.get(id));
            json!({ "ref": purl(package), "dependsOn": on.map(purl).collect::<BTreeSet<_>>() })
        });
        let root = self.packages.get(&self.root).context("the program itself")?;
        let mut program = self.component(root);
        program["type"] = json!("application");
        let document = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": program },
            "components": components,
            "dependencies": dependencies.collect::<Vec<_>>(),
        });
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    fn component(&self, package: &Value) -> Value {
        let (name, version) = (word(&package["name"]), word(&package["version"]));
        let mut component = json!({ "type": "library", "bom-ref": purl(package), "purl": purl(package),
            "name": name, "version": version });
        if let Some(licence) = package["license"].as_str() {
            // Before SPDX had expressions, cargo took a slash for "or"
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(checksum) = self.checksums.get(&(name, version)) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    }

    /// Each text once, below the packages that it is of.
    pub(super) fn licences(&self) -> Result<String> {
        let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut page =
            "What is in this program, and under which licence. The texts are below.\n\n".to_owned();
        for package in self.packages.values().filter(|package| package["source"].is_string()) {
            let title = format!("{} {}", word(&package["name"]), word(&package["version"]));
            let licence = package["license"].as_str().or(package["license_file"].as_str());
            writeln!(page, "{title}: {}", licence.with_context(|| format!("{title} names no licence"))?)?;
            for text in texts_beside(Path::new(&word(&package["manifest_path"])))? {
                texts.entry(text).or_default().insert(title.clone());
            }
        }
        ensure!(!texts.is_empty(), "no licence was found beside any package");
        for (text, titles) in texts {
            let titles = titles.into_iter().collect::<Vec<_>>().join(", ");
            write!(page, "\n{}\n{titles}\n\n{}\n", "=".repeat(80), text.trim_end())?;
        }
        Ok(page)
    }
}

/// The packages that a package has linked in, but for those that only its build and its tests need.
fn linked(node: &Value) -> BTreeSet<String> {
    let is_linked = |one: &&Value| list(&one["dep_kinds"]).any(|kind| kind["kind"].is_null());
    list(&node["deps"]).filter(is_linked).map(|one| word(&one["pkg"])).collect()
}

/// A package's place in the world (package-url).
fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", word(&package["name"]), word(&package["version"]))
}

fn texts_beside(manifest: &Path) -> Result<Vec<String>> {
    let folder = manifest.parent().context("a package has a folder")?;
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && LICENCES.iter().any(|word| name.starts_with(word)) {
            texts.push(String::from_utf8_lossy(&std::fs::read(&path)?).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}

/// What Cargo.lock says of each package's archive.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |package: &str, name: &str| {
        let before = format!("{name} = \"");
        package.lines().find_map(|line| Some(line.strip_prefix(&before)?.trim_end_matches('"').to_owned()))
    };
    let known = |package: &str| {
        Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?))
    };
    lock.split("[[package]]").filter_map(known).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Value {
        let package =
            |name: &str| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let packages = ["garage", "linked", "deeper", "builder", "tester"].map(package);
        json!({
            "packages": packages,
            "resolve": { "nodes": [
                { "id": "garage", "deps": [
                    { "pkg": "linked", "dep_kinds": [{ "kind": null }, { "kind": "dev" }] },
                    { "pkg": "builder", "dep_kinds": [{ "kind": "build" }] },
                    { "pkg": "tester", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "linked", "deps": [{ "pkg": "deeper", "dep_kinds": [{ "kind": null }] }] },
            ] },
        })
    }

    #[test]
    fn what_only_builds_or_tests_need_is_not_in_the_program() {
        let bill = Bill::read(&metadata(), BTreeMap::new()).unwrap();
        assert_eq!(bill.packages.keys().collect::<Vec<_>>(), ["deeper", "garage", "linked"]);
    }

    #[test]
    fn the_program_s_own_bill_has_a_licence_for_everything_in_it() {
        let bill = Bill::of("x86_64-unknown-linux-gnu").unwrap();
        let has = |name: &str| bill.packages.values().any(|package| package["name"] == name);
        assert!(has("tokio") && has("sqlx") && has("garage-web"));
        assert!(!has("proptest") && !has("criterion") && !has("xtask"));
        let (document, licences) = (bill.document().unwrap(), bill.licences().unwrap());
        assert_eq!(document, Bill::of("x86_64-unknown-linux-gnu").unwrap().document().unwrap());
        assert!(licences.contains("\ntokio 1.") && licences.contains("Permission is hereby granted"));
    }

    #[test]
    fn a_bill_names_each_package_with_its_licence_and_its_checksum() {
        let lock = "[[package]]\nname = \"linked\"\nversion = \"1.0.0\"\nchecksum = \"abc\"\n";
        let bill = Bill::read(&metadata(), checksums(lock)).unwrap();
        let document: Value = serde_json::from_str(&bill.document().unwrap()).unwrap();
        assert_eq!(
            document["components"][1],
            json!({ "type": "library", "bom-ref": "pkg:cargo/linked@1.0.0", "purl": "pkg:cargo/linked@1.0.0",
                "name": "linked", "version": "1.0.0", "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "hashes": [{ "alg": "SHA-256", "content": "abc" }] })
        );
        assert_eq!(document["dependencies"][1]["dependsOn"], json!(["pkg:cargo/linked@1.0.0"]));
    }
}
