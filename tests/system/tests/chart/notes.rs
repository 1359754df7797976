//! What is said after an installation about what was given and what is open.

use crate::rendering::Chart;

fn notes(values: &[&str]) -> anyhow::Result<Option<String>> {
    let Some(mut chart) = Chart::find() else { return Ok(None) };
    for value in values {
        chart = chart.set(value);
    }
    Ok(Some(chart.notes()?))
}

#[test]
fn an_installation_without_the_admission_policy_says_what_that_means() -> anyhow::Result<()> {
    let Some(plain) = notes(&[])? else { return Ok(()) };
    assert!(plain.contains("Wait until the operator is ready"), "{plain}");
    assert!(!plain.contains("nothing looks at the Jobs"), "{plain}");
    for (values, words) in [
        (["rbac.namespaced=true"].as_slice(), "(rbac.namespaced)"),
        (&["admissionPolicy.enabled=false"], "(admissionPolicy.enabled=false)"),
    ] {
        let said = notes(values)?.unwrap_or_default();
        assert!(said.contains("WARNING: nothing looks at the Jobs") && said.contains(words), "{said}");
        assert!(said.contains("with any Secret, in sealing."), "{said}");
        assert!(said.contains("have what it signed deleted"), "{said}");
    }
    let said = notes(&["watchAllNamespaces=true", "admissionPolicy.enabled=false"])?.unwrap_or_default();
    assert!(said.contains("with any Secret, in every namespace."), "{said}");
    let said = notes(&["watchAllNamespaces=true"])?.unwrap_or_default();
    assert!(said.contains("in every namespace of the cluster (watchAllNamespaces)"), "{said}");
    Ok(())
}

#[test]
fn destinations_that_are_left_open_are_named() -> anyhow::Result<()> {
    let Some(plain) = notes(&[])? else { return Ok(()) };
    assert!(plain.contains("To name the place, set\nnetworkPolicy.apiServerTo.\n"), "{plain}");
    let said = notes(&["database.existingSecret=ledger", "networkPolicy.dnsTo=null"])?.unwrap_or_default();
    let open = "networkPolicy.dnsTo, networkPolicy.apiServerTo, networkPolicy.databaseTo.";
    assert!(said.contains(open), "{said}");
    let named = "networkPolicy.apiServerTo[0].ipBlock.cidr=192.0.2.1/32";
    let said = notes(&[named])?.unwrap_or_default();
    assert!(!said.contains("but not to a place"), "{said}");
    Ok(())
}
