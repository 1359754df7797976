//! What is built from has a hash or a commit, and what cannot be checked is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::Context as _;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> anyhow::Result<String> {
    fs::read_to_string(project().join(file)).context(file.to_owned())
}

fn workflows() -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(project().join(".github/workflows"))? {
        let path = entry?.path();
        found.push((path.display().to_string(), fs::read_to_string(path)?));
    }
    anyhow::ensure!(found.len() >= 2, "too few workflows");
    Ok(found)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[test]
fn every_action_is_named_by_its_commit_and_says_its_version() -> anyhow::Result<()> {
    let mut actions = 0;
    for (file, text) in workflows()? {
        for line in text.lines().filter(|line| line.contains("uses:")) {
            actions += 1;
            let (action, version) = line.split_once(" # ").with_context(|| format!("{file}: {line}"))?;
            let commit = action.split_once('@').map_or("", |(_, commit)| commit);
            assert!(is_hex(commit, 40), "{file}: {line}");
            assert!(version.starts_with('v'), "{file}: {line}");
        }
    }
    assert!(actions > 10, "{actions}");
    Ok(())
}

#[test]
fn a_workflow_may_read_and_a_job_gets_more_only_by_saying_so() -> anyhow::Result<()> {
    for (file, text) in workflows()? {
        let workflow: serde_json::Value = serde_saphyr::from_str(&text).context(file.clone())?;
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}), "{file}");
        for (name, job) in workflow["jobs"].as_object().context("jobs")? {
            for step in job["steps"].as_array().into_iter().flatten() {
                if step["uses"].as_str().is_some_and(|action| action.starts_with("actions/checkout@")) {
                    assert_eq!(step["with"]["persist-credentials"], false, "{file}: {name}");
                }
            }
        }
        assert!(!text.contains("@latest") && !text.contains("toolchain install stable"), "{file}");
    }
    Ok(())
}

#[test]
fn the_compiler_is_one_and_the_same_everywhere() -> anyhow::Result<()> {
    let toolchain = read("rust-toolchain.toml")?;
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).context("a channel")?;
    let channel = channel.trim_matches('"');
    assert_eq!(channel.split('.').count(), 3, "{channel} is one version");
    assert!(read("Dockerfile")?.contains(&format!("ARG RUST_VERSION={channel}\n")));
    Ok(())
}

/// Whether the name of an image ends with its digest.
fn has_digest(image: &str) -> bool {
    image.rsplit_once("@sha256:").is_some_and(|(_, digest)| is_hex(digest, 64))
}

/// The images that a Dockerfile begins its stages with, but for `scratch` and other stages.
fn bases(dockerfile: &str) -> Vec<String> {
    let (mut defaults, mut stages, mut bases) = (Vec::new(), vec!["scratch".to_owned()], Vec::new());
    for line in dockerfile.lines() {
        if let Some((name, value)) = line.strip_prefix("ARG ").and_then(|argument| argument.split_once('=')) {
            defaults.push((format!("${{{name}}}"), value.to_owned()));
        }
        let Some(from) = line.strip_prefix("FROM ") else { continue };
        let filled = defaults.iter().fold(from.to_owned(), |text, (name, value)| text.replace(name, value));
        let words: Vec<&str> = filled.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        if !stages.iter().any(|stage| stage == words[0]) {
            bases.push(words[0].to_owned());
        }
        stages.extend(words.get(2).map(|stage| (*stage).to_owned()));
    }
    bases
}

#[test]
fn every_image_is_named_by_its_digest() -> anyhow::Result<()> {
    let bases = bases(&read("Dockerfile")?);
    assert!(!bases.is_empty() && bases.iter().all(|image| has_digest(image)), "{bases:?}");
    let kind: serde_json::Value = serde_saphyr::from_str(&read("kind-config.yaml")?)?;
    let nodes = kind["nodes"].as_array().context("nodes")?;
    assert!(!nodes.is_empty());
    for node in nodes {
        assert!(node["image"].as_str().is_some_and(has_digest), "{node}");
    }
    let values: serde_json::Value = serde_saphyr::from_str(&read("charts/chancery/values.yaml")?)?;
    // In the tag, so that whoever names another tag gets that.
    let postgresql = values["postgresql"]["image"]["tag"].as_str().context("a tag")?;
    assert!(has_digest(postgresql), "{postgresql}");
    Ok(())
}

#[test]
fn an_image_without_a_digest_is_found() {
    let digest = "0123456789abcdef".repeat(4);
    let text = format!(
        "ARG BASE=one\nARG VERSION=1\nFROM scratch AS one\nFROM --platform=x rust:${{VERSION}}@sha256:{digest} AS two\nFROM ${{BASE}}\nFROM debian:12"
    );
    assert_eq!(bases(&text), [format!("rust:1@sha256:{digest}"), "debian:12".to_owned()]);
    assert!(has_digest(&bases(&text)[0]) && !has_digest(&bases(&text)[1]));
}

#[test]
fn a_change_passes_only_where_the_programs_of_others_verify_what_was_signed() -> anyhow::Result<()> {
    let workflow: serde_json::Value = serde_saphyr::from_str(&read(".github/workflows/ci.yml")?)?;
    let steps = workflow["jobs"]["test"]["steps"].as_array().context("steps")?;
    let prepared = step_that_runs(steps, "scripts/setup.sh")?;
    assert!(prepared < step_that_runs(steps, "make test")?);
    let arguments: Vec<&str> =
        steps[prepared]["run"].as_str().unwrap_or_default().split_whitespace().collect();
    for wanted in ["--helm", "--independent-audit", "--envelopes", "--anvil"] {
        assert!(arguments.contains(&wanted), "{wanted}: {arguments:?}");
    }
    Ok(())
}

#[test]
fn the_chart_of_a_release_is_packaged_by_a_known_helm_and_can_be_checked() -> anyhow::Result<()> {
    let release = read(".github/workflows/release.yml")?;
    let workflow: serde_json::Value = serde_saphyr::from_str(&release)?;
    let steps = workflow["jobs"]["release"]["steps"].as_array().context("steps")?;
    let place = |what: &str, word: &str| {
        steps.iter().position(|step| {
            step.pointer(what).and_then(|text| text.as_str()).is_some_and(|text| text.contains(word))
        })
    };
    let packaged = place("/run", ".tools/bin/helm package charts/chancery").context("the chart")?;
    let run = steps[packaged]["run"].as_str().unwrap_or_default();
    assert!(run.contains("scripts/setup.sh --no-postgres --helm-by-hash"), "{run}");
    assert_eq!(release.matches("helm package").count(), 1, "no other Helm");
    let attested = place("/with/subject-path", "target/charts/*.tgz").context("provenance")?;
    let summed = place("/run", "cd target/charts && sha256sum").context("sums")?;
    assert!(packaged < attested && packaged < summed);
    Ok(())
}

/// The steps of the job that makes a release.
fn steps_of_a_release() -> anyhow::Result<Vec<serde_json::Value>> {
    let workflow: serde_json::Value = serde_saphyr::from_str(&read(".github/workflows/release.yml")?)?;
    workflow["jobs"]["release"]["steps"].as_array().cloned().context("steps")
}

/// Where the first step is whose script has these words in it.
fn step_that_runs(steps: &[serde_json::Value], words: &str) -> anyhow::Result<usize> {
    let runs = |step: &serde_json::Value| step["run"].as_str().is_some_and(|script| script.contains(words));
    steps.iter().position(runs).with_context(|| format!("no step runs: {words}"))
}

/// The images that `scripts/images.sh` builds.
fn images() -> anyhow::Result<Vec<String>> {
    let script = read("scripts/images.sh")?;
    let images: Vec<String> =
        script.lines().filter_map(|line| line.strip_prefix("build ")).map(str::to_owned).collect();
    anyhow::ensure!(images.len() > 4, "{images:?}");
    Ok(images)
}

#[test]
fn every_image_of_a_release_is_signed_and_has_provenance_and_a_bill_of_materials() -> anyhow::Result<()> {
    let steps = steps_of_a_release()?;
    let pushed = step_that_runs(&steps, "scripts/images.sh --prebuilt --push --digests")?;
    let signed = step_that_runs(&steps, "cosign sign --yes")?;
    let published = step_that_runs(&steps, "gh release create")?;
    assert!(pushed < signed && signed < published);
    // What is signed by name: the words behind the command are variables of the step.
    let script = steps[signed]["run"].as_str().unwrap_or_default();
    let names = script.split_whitespace().filter_map(|word| word.strip_prefix("\"$")?.strip_suffix('"'));
    let signed_images: Vec<&str> = names.filter_map(|name| steps[signed]["env"][name].as_str()).collect();
    for image in images()? {
        let digest = format!("${{{{ steps.images.outputs.{image} }}}}");
        let of_it = format!("${{{{ env.IMAGE_PREFIX }}}}/{image}");
        let script = steps[pushed]["run"].as_str().unwrap_or_default();
        assert!(script.contains(&format!("\"{image}=$(cat target/digests/{image})\"")), "{image}: {script}");
        assert!(signed_images.contains(&format!("{of_it}@{digest}").as_str()), "{image}: {signed_images:?}");
        let attested = |action: &str| {
            let is_of_it = |step: &&serde_json::Value| {
                step["uses"].as_str().is_some_and(|uses| uses.starts_with(action))
                    && step["with"]["subject-name"] == of_it.as_str()
                    && step["with"]["subject-digest"] == digest.as_str()
                    && step["with"]["push-to-registry"] == true
            };
            steps[pushed..published].iter().filter(is_of_it).collect::<Vec<_>>()
        };
        assert_eq!(attested("actions/attest-build-provenance@").len(), 1, "{image}");
        let materials: Vec<&str> = attested("actions/attest-sbom@")
            .into_iter()
            .filter_map(|step| step["with"]["sbom-path"].as_str())
            .collect();
        let program = format!("target/sbom/chancery-{image}.cdx.json");
        assert!(materials.contains(&program.as_str()), "{image}: {materials:?}");
        // The command line is in that image too.
        let has_command_line = materials.contains(&"target/sbom/chancery.cdx.json");
        assert_eq!(has_command_line, image == "operator", "{image}: {materials:?}");
    }
    Ok(())
}

#[test]
fn the_programs_of_a_release_are_those_that_were_built_twice() -> anyhow::Result<()> {
    let steps = steps_of_a_release()?;
    let compared = step_that_runs(&steps, "scripts/reproducible.sh --into target/dist")?;
    assert_eq!(steps[compared]["run"], "scripts/reproducible.sh --into target/dist", "nothing makes it pass");
    assert!(steps[compared]["continue-on-error"].is_null() && steps[compared]["if"].is_null());
    // Nothing builds another program behind it: images and the release take what is in that folder.
    let pushed = step_that_runs(&steps, "scripts/images.sh --prebuilt")?;
    let published = step_that_runs(&steps, "target/dist/chancery-operator")?;
    assert!(compared < pushed && compared < published);
    assert!(
        steps.iter().all(|step| !step["run"].as_str().is_some_and(|script| script.contains("cargo build")))
    );
    Ok(())
}

/// The lists of Python packages, wherever in the repository they are.
fn lists_of_python_packages(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let name = name.to_string_lossy();
        let is_made = name.starts_with('.') || ["target", "node_modules", "__pycache__"].contains(&&*name);
        if path.is_symlink() || is_made {
            continue;
        }
        if path.is_dir() {
            found.extend(lists_of_python_packages(&path)?);
        } else if name.starts_with("requirements") && name.ends_with(".txt") {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn every_package_of_python_has_hashes_and_none_is_installed_without() -> anyhow::Result<()> {
    let lists = lists_of_python_packages(&project())?;
    assert!(lists.len() > 4, "{lists:?}");
    for path in lists {
        let file = path.display();
        let text = fs::read_to_string(&path)?.replace("\\\n", " ");
        let mut packages = 0;
        for requirement in text.lines().map(str::trim) {
            // Settings of pip, and what is said.
            if requirement.is_empty() || requirement.starts_with("--") || requirement.starts_with('#') {
                continue;
            }
            packages += 1;
            let mut words = requirement.split_whitespace();
            let package = words.next().context("a package")?;
            assert!(package.contains("=="), "{file}: {package}");
            let hashes: Vec<&str> = words.collect();
            let is_hash =
                |word: &&str| word.strip_prefix("--hash=sha256:").is_some_and(|hash| is_hex(hash, 64));
            assert!(!hashes.is_empty() && hashes.iter().all(is_hash), "{file}: {package}");
        }
        assert!(packages > 0, "{file}");
    }
    let mut installs = 0;
    for entry in fs::read_dir(project().join("scripts"))? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let script = fs::read_to_string(&path)?.replace("\\\n", " ");
        for line in script.lines().filter(|line| line.contains("pip install")) {
            installs += 1;
            assert!(line.contains("--require-hashes"), "{}: {line}", path.display());
        }
        assert!(!script.contains("npm install"), "{}: npm ci goes by the lock file", path.display());
    }
    assert!(installs > 0);
    Ok(())
}

#[test]
fn every_package_of_npm_has_a_hash() -> anyhow::Result<()> {
    for file in [
        "scripts/helm/package-lock.json",
        "bench/peers/node/package-lock.json",
        "tests/object_store/package-lock.json",
    ] {
        let lock: serde_json::Value = serde_json::from_str(&read(file)?)?;
        for (name, package) in lock["packages"].as_object().context("packages")? {
            let hash = package["integrity"].as_str().unwrap_or_default();
            assert!(name.is_empty() || hash.starts_with("sha512-"), "{file}: {name}");
        }
    }
    Ok(())
}

/// Runs `scripts/deny.sh` with a program in cargo-deny's place, which can fetch the database or not.
fn deny(fetch: &str, arguments: &[&str]) -> anyhow::Result<Output> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("cargo-deny");
    fs::write(&program, format!("#!/bin/sh\ncase $2 in fetch) {fetch} ;; *) echo \"ran $*\" ;; esac\n"))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let script = project().join("scripts/deny.sh");
    Ok(Command::new(script).args(arguments).env("CARGO_DENY", &program).output()?)
}

#[test]
fn advisories_that_cannot_be_had_are_said_loudly_and_fail_a_release() -> anyhow::Result<()> {
    let away = "echo 'no route to host' >&2; exit 1";
    for (arguments, passes) in [(&[][..], true), (&["--advisories-required"], false)] {
        let ended = deny(away, arguments)?;
        assert_eq!(ended.status.success(), passes, "{ended:?}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("ADVISORIES NOT CHECKED") && said.contains("no route to host"), "{said}");
        // Everything else counts all the same.
        assert!(String::from_utf8_lossy(&ended.stdout).contains("check licenses bans sources"));
    }
    let ended = deny("true", &["--advisories-required"])?;
    assert!(ended.status.success(), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stdout).contains("check --disable-fetch advisories"));
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("NOT CHECKED"));
    let release = read(".github/workflows/release.yml")?;
    assert!(release.contains("scripts/deny.sh --advisories-required"));
    Ok(())
}
