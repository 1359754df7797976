//! The enum and `docs/reference/conditions.md` name the same reasons, each in the same places.

use std::collections::BTreeSet;

use super::*;

const PAGE: &str = include_str!("../../../../docs/reference/conditions.md");

/// The reasons in the first column of the table under a heading of the page.
fn documented(heading: &str) -> BTreeSet<String> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).expect("the page has this heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(reason, _)| reason.to_owned()).collect()
}

/// The types of conditions, of runs and of policies.
fn conditions() -> impl Iterator<Item = ConditionType> {
    let of_runs = ConditionType::ALL.into_iter().chain(ConditionType::OF_SINKS);
    of_runs.chain(ConditionType::OF_POLICIES)
}

fn names(reasons: &[Reason]) -> BTreeSet<String> {
    reasons.iter().map(ToString::to_string).collect()
}

#[test]
fn the_page_lists_the_reasons_of_each_condition_and_no_others() {
    for type_ in conditions() {
        assert_eq!(documented(type_.as_str()), names(Reason::of_condition(type_)), "{type_}");
    }
    assert_eq!(documented("Events"), names(&Reason::OF_EVENTS));
}

#[test]
fn the_page_has_a_section_for_each_condition_and_no_other_table_of_reasons() {
    let headings = PAGE.lines().filter_map(|line| line.strip_prefix("## "));
    let with_table: BTreeSet<&str> = headings.filter(|heading| !documented(heading).is_empty()).collect();
    let wanted: BTreeSet<&str> = conditions().map(ConditionType::as_str).chain(["Events"]).collect();
    assert_eq!(with_table, wanted);
}

#[test]
fn every_reason_belongs_to_a_condition_or_to_events() {
    let of_conditions = conditions().flat_map(Reason::of_condition);
    let used: BTreeSet<String> = of_conditions.chain(&Reason::OF_EVENTS).map(ToString::to_string).collect();
    assert_eq!(used, names(&Reason::ALL));
}

#[test]
fn a_reason_is_found_by_its_name_which_is_that_of_its_variant() {
    for reason in Reason::ALL {
        assert_eq!(Reason::named(reason.as_str()), Some(reason));
        assert_eq!(format!("{reason:?}"), reason.as_str());
    }
    assert_eq!(Reason::named("Unknown"), None);
}
