//! The images' recipes.

use crate::{compose::SERVICES, yaml::text};

/// Folder and port of everything that is an image.
fn images() -> Vec<(&'static str, u16)> {
    SERVICES.iter().map(|(folder, _, _, port)| (*folder, *port)).chain([("garage-web", 3000)]).collect()
}

/// The line that begins with this word, or nothing.
fn line<'a>(recipe: &'a str, word: &str) -> Vec<&'a str> {
    recipe.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect()
}

#[test]
fn an_image_is_one_program_that_runs_as_nobody_in_particular() {
    for (folder, port) in images() {
        let recipe = text(&format!("{folder}/Dockerfile"));
        assert_eq!(line(&recipe, "ENTRYPOINT"), [format!("[\"/usr/local/bin/{folder}\"]")]);
        assert_eq!(line(&recipe, "EXPOSE"), [port.to_string()]);
        assert_eq!(line(&recipe, "USER"), ["65532:65532"]);
        assert_eq!(line(&recipe, "FROM"), ["${RUST} AS build", "${BASE}"]);
        assert!(recipe.contains(&format!("CMD [\"/usr/local/bin/{folder}\", \"healthcheck\"]")));
        assert!(recipe.contains(&format!("--package {folder}")), "{folder} is not what is built");
        assert!(recipe.contains("--locked"), "{folder}: other versions than those that were tested");
    }
}

#[test]
fn an_image_is_built_by_a_compiler_that_knows_the_language() {
    let manifest = text("Cargo.toml");
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    for (folder, _) in images() {
        let recipe = text(&format!("{folder}/Dockerfile"));
        assert!(recipe.contains(&format!("ARG RUST=rust:{}-slim", wanted.trim_matches('"'))), "{folder}");
    }
}
