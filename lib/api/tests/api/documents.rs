//! Texts that are not one SigningRun.

use chancery_api::{ManifestError, manifest_yaml, parse};
use serde_json::{Value, json};

use crate::support::{minimal, sourced, yaml};

fn error(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn an_empty_manifest_is_refused() {
    for text in ["", "\n", "# only a comment\n", "---\n", "---\n---\n", "null\n", "~"] {
        assert_eq!(error(text), "the manifest is empty; it must hold one SigningRun", "{text:?}");
    }
}

#[test]
fn two_documents_are_refused() {
    let one = yaml(&minimal());
    assert_eq!(
        error(&format!("{one}---\n{one}")),
        "the manifest holds 2 YAML documents, and exactly one is wanted; put each SigningRun in a file of its own"
    );
}

#[test]
fn blank_documents_around_the_manifest_do_no_harm() {
    let one = yaml(&minimal());
    parse(&format!("---\n{one}---\n")).unwrap();
    parse(&format!("# a comment\n---\n{one}...\n---\n# nothing\n")).unwrap();
}

#[test]
fn a_run_is_written_as_the_manifest_that_is_read_as_that_run() {
    let mut whole = sourced();
    whole["spec"]["deadLetter"] = json!({"retention": "1h", "limit": 7});
    whole["spec"]["parallelism"] = json!(5);
    whole["metadata"]["namespace"] = json!("payments");
    for manifest in [minimal(), sourced(), whole] {
        let run = parse(&manifest.to_string()).unwrap();
        let text = manifest_yaml(&run);
        assert_eq!(parse(&text).unwrap(), run, "{text}");
        let written: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(written["spec"], manifest["spec"], "nothing is written that nobody has to say");
    }
}

#[test]
fn json_is_yaml() {
    parse(&minimal().to_string()).unwrap();
}

#[test]
fn what_is_not_a_mapping_is_refused() {
    for (text, found) in
        [("- 1\n- 2\n", "a list"), ("hello", "a string"), ("42", "an integer"), ("true", "a boolean")]
    {
        assert_eq!(
            error(text),
            format!(
                "the manifest is {found}, and a mapping is wanted; it must begin with \
                 `apiVersion: chancery.dev/v1alpha1` and `kind: SigningRun`"
            )
        );
    }
}

#[test]
fn another_kind_is_refused_with_what_was_given_and_wanted() {
    assert_eq!(
        error("apiVersion: batch/v1\nkind: Job\nspec: {}\n"),
        "the manifest has apiVersion \"batch/v1\" and kind \"Job\", and \
         `apiVersion: chancery.dev/v1alpha1` with `kind: SigningRun` is wanted"
    );
    for (key, value) in [
        ("apiVersion", json!("chancery.dev/v1")),
        ("apiVersion", json!(1)),
        ("kind", json!("signingrun")),
        ("kind", json!(null)),
    ] {
        let mut manifest = minimal();
        manifest[key] = value;
        assert!(matches!(parse(&yaml(&manifest)), Err(ManifestError::OtherKind { .. })), "{key}");
    }
}

#[test]
fn broken_yaml_is_refused_with_line_and_column() {
    for (text, line) in [
        ("apiVersion: chancery.dev/v1alpha1\nkind: [SigningRun\n", 2),
        ("apiVersion: x\n  kind: y\n", 2),
        ("a: 1\nb: \"open\n", 3),
        ("a: 1\na: 2\n", 2),
        ("a: *nowhere\n", 1),
    ] {
        match parse(text) {
            Err(ManifestError::Syntax { line: Some(at), column: Some(_), message }) => {
                assert_eq!(at, line, "{text:?}: {message}");
                assert!(!message.contains('\n'), "{message}");
            }
            other => panic!("{text:?} gives {other:?}"),
        }
    }
}

#[test]
fn a_key_given_twice_is_refused() {
    let text = yaml(&minimal()).replace("recordCount: 100", "recordCount: 100\n  recordCount: 200");
    let error = error(&text);
    assert!(error.starts_with("the manifest is not valid YAML at line "), "{error}");
    assert!(error.ends_with("the key recordCount is given twice; keep one of the two"), "{error}");
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let text = yaml(&minimal()) + &"# padding\n".repeat(200_000);
    assert!(matches!(parse(&text), Err(ManifestError::TooLarge { .. })));
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let previous = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    assert_eq!(parse(&text), Err(ManifestError::TooComplex));
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "a: ".to_owned() + &"{a: ".repeat(5_000), "- ".repeat(100_000)] {
        assert!(parse(&text).is_err());
    }
    let text = "a: ".to_owned() + &"[".repeat(40) + &"]".repeat(40);
    assert_eq!(parse(&text), Err(ManifestError::TooComplex));
}

#[test]
fn a_long_value_is_cut_in_messages() {
    let mut manifest = minimal();
    manifest["spec"]["algorithm"] = json!("ä".repeat(10_000));
    assert!(error(&yaml(&manifest)).len() < 400);
}
