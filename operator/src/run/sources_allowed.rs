//! What the sources of a run may name on a cluster. Whoever may write SigningRuns names Secrets, which an endpoint of theirs
//! would see, and claims, whose files would be signed: what may be named has to be allowed by whoever installed Chancery.

use std::str::FromStr;

use chancery_api::{SigningPolicySpec, SourceSpec};
use serde::Deserialize;

use crate::run::names_allowed::{Files, NamesAllowed, table_without_secret};

/// What is allowed, as `intake.allowed` of the chart's values lists it. Nothing is, unless it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SourcesAllowed {
    /// What the names of Secrets may begin with.
    pub secret_prefixes: Vec<String>,
    /// What the names of PersistentVolumeClaims may begin with.
    pub claim_prefixes: Vec<String>,
}

impl FromStr for SourcesAllowed {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

impl SourcesAllowed {
    /// What the first source that asks for too much asks for, and what to do; none if all is allowed.
    #[must_use]
    pub fn refusal(&self, sources: &[SourceSpec], has_gateway: bool) -> Option<String> {
        sources.iter().find_map(|source| {
            let refused = (!has_gateway)
                .then(|| without_gateway(source))
                .flatten()
                .or_else(|| self.secret_of(source))
                .or_else(|| self.files(source))
                .or_else(|| table(source))?;
            Some(format!("source {}: {refused}", source.name))
        })
    }

    /// What the first webhook or lookup of a policy that asks for too much asks for, and what to do; none if all is allowed.
    #[must_use]
    pub fn refusal_of_policy(&self, policy: &SigningPolicySpec) -> Option<String> {
        policy.secrets().find_map(|secret| self.secret(&secret.field, secret.name))
    }

    fn secret_of(&self, source: &SourceSpec) -> Option<String> {
        let secret = source.secret()?;
        self.secret(secret.field, secret.name)
    }

    fn secret(&self, field: &str, name: &str) -> Option<String> {
        let value = "intake.allowed.secretPrefixes";
        NamesAllowed { prefixes: &self.secret_prefixes, value }.secret(field, name)
    }

    fn files(&self, source: &SourceSpec) -> Option<String> {
        let objects = source.objects.as_ref()?;
        let (url, claim) = (&objects.url, objects.volume_claim.as_deref());
        let value = "intake.allowed.claimPrefixes";
        NamesAllowed { prefixes: &self.claim_prefixes, value }.files(Files { url, claim, verb: "read from" })
    }
}

/// What is pushed needs a gateway.
fn without_gateway(source: &SourceSpec) -> Option<String> {
    source.http.as_ref().map(|_| {
        "records that are pushed need a gateway, and this installation has none; ask whoever installed Chancery to start it with `helm upgrade chancery charts/chancery --namespace chancery --reset-then-reuse-values --set gateway.enabled=true --set gateway.tls.existingSecret=SECRET`, or sign them on one machine with `chancery run` and `chancery serve`".to_owned()
    })
}

fn table(source: &SourceSpec) -> Option<String> {
    let table = source.table.as_ref()?;
    table.url_secret_ref.is_none().then(table_without_secret)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn allowed() -> SourcesAllowed {
        let prefixes = vec!["source-".to_owned(), "bucket-".to_owned()];
        SourcesAllowed { secret_prefixes: prefixes, claim_prefixes: vec!["inbox-".to_owned()] }
    }

    fn refusal(allowed: &SourcesAllowed, objects: Value) -> Option<String> {
        let source = json!({"name": "one", "objects": objects, "format": {"type": "Lines"}});
        allowed.refusal(&[serde_json::from_value(source).expect("a source")], false)
    }

    fn bucket(secret: &str) -> Value {
        json!({"url": "s3://bucket", "credentialsSecretRef": {"name": secret}})
    }

    fn files(url: &str, claim: Option<&str>) -> Value {
        json!({"url": url, "volumeClaim": claim})
    }

    #[test]
    fn a_secret_is_named_by_a_prefix_that_is_allowed() {
        assert_eq!(refusal(&allowed(), json!({"url": "s3://public"})), None);
        assert_eq!(refusal(&allowed(), bucket("source-s3")), None);
        assert_eq!(refusal(&allowed(), bucket("bucket-s3")), None);
        let said = refusal(&allowed(), bucket("chancery-kek")).expect("it is refused");
        assert_eq!(
            said,
            "source one: objects.credentialsSecretRef names the Secret chancery-kek, and wanted here is a name that begins with source- or bucket-; name another, or ask whoever installed Chancery to allow it in intake.allowed.secretPrefixes of the chart's values"
        );
        let said = refusal(&SourcesAllowed::default(), bucket("source-s3")).expect("nothing is allowed");
        assert!(said.contains("none may be named here"), "{said}");
    }

    #[test]
    fn the_url_of_a_table_comes_from_a_secret_that_is_allowed() {
        let of = |table: Value| {
            let source = json!({"name": "one", "table": table});
            allowed().refusal(&[serde_json::from_value(source).expect("a source")], true)
        };
        let table = |secret: &str| json!({"query": "SELECT id FROM t", "orderBy": ["id"], "urlSecretRef": {"name": secret, "key": "u"}});
        assert_eq!(of(table("source-db")), None);
        let said = of(table("chancery-ledger")).expect("it is refused");
        assert!(
            said.starts_with("source one: table.urlSecretRef names the Secret chancery-ledger"),
            "{said}"
        );
        let said = of(json!({"query": "SELECT id FROM t", "orderBy": ["id"], "url": "postgres://u@db/d"}))
            .expect("it is refused");
        assert!(said.contains("with table.urlSecretRef"), "{said}");
    }

    #[test]
    fn a_policy_names_secrets_by_the_same_prefixes() {
        let policy = |webhook: &str, lookup: &str| -> SigningPolicySpec {
            let policy = json!({
                "lookups": [{"name": "rates", "query": {"urlSecretRef": {"name": lookup, "key": "url"}, "sql": "SELECT 1"}}],
                "webhooks": [{"name": "model", "url": "https://model.example/", "adds": "score", "secretRef": {"name": webhook}}],
            });
            serde_json::from_value(policy).expect("a policy")
        };
        assert_eq!(allowed().refusal_of_policy(&policy("source-model", "source-db")), None);
        let said = allowed().refusal_of_policy(&policy("chancery-kek", "source-db")).expect("it is refused");
        assert!(said.starts_with("webhook model: secretRef names the Secret chancery-kek"), "{said}");
        let said = allowed().refusal_of_policy(&policy("source-model", "theirs")).expect("it is refused");
        assert!(said.starts_with("lookup rates: query.urlSecretRef names the Secret theirs"), "{said}");
    }

    #[test]
    fn records_are_pushed_where_there_is_a_gateway() {
        let sources = [serde_json::from_value(json!({"name": "push", "http": {}})).expect("a source")];
        assert_eq!(allowed().refusal(&sources, true), None);
        let said = allowed().refusal(&sources, false).expect("refused");
        assert!(said.starts_with("source push: records that are pushed need a gateway"), "{said}");
        assert!(said.contains("--set gateway.enabled=true"), "{said}");
    }

    #[test]
    fn no_secret_of_a_run_is_named_whatever_is_allowed() {
        let any = SourcesAllowed { secret_prefixes: vec![String::new()], ..allowed() };
        assert_eq!(refusal(&any, bucket("theirs")), None);
        for name in ["source-a-signer-abcdefghij", "demo-intake-0123456789"] {
            let said = refusal(&any, bucket(name)).expect("it is refused");
            assert!(said.contains("the Secrets of runs"), "{said}");
        }
    }

    #[test]
    fn files_are_read_from_a_claim_that_is_allowed_and_from_inside_of_it() {
        assert_eq!(refusal(&allowed(), files("file:///volumes/inbox-a", Some("inbox-a"))), None);
        assert_eq!(refusal(&allowed(), files("file:///volumes/inbox-a/2026/day", Some("inbox-a"))), None);
        for (url, claim, wanted) in [
            ("file:///etc/passwd", None, "on a cluster files are read from a volume only"),
            ("FILE:///etc/passwd", None, "on a cluster files are read from a volume only"),
            ("file:///volumes/inbox-a", None, "objects.volumeClaim"),
            ("file:///volumes/data", Some("data"), "intake.allowed.claimPrefixes"),
            ("file:///etc", Some("inbox-a"), "begins with file:///volumes/inbox-a"),
            ("file:///volumes/inbox-ab", Some("inbox-a"), "begins with file:///volumes/inbox-a"),
            ("file:///volumes/inbox-a/../../etc", Some("inbox-a"), "without `..`"),
            ("file:///volumes/inbox-a/%2e%2e/etc", Some("inbox-a"), "without `..` and `%`"),
            ("s3://bucket", Some("inbox-a"), "leave objects.volumeClaim out"),
        ] {
            let said = refusal(&allowed(), files(url, claim)).expect(url);
            assert!(said.starts_with("source one: ") && said.contains(wanted), "{url}: {said}");
        }
    }

    #[test]
    fn a_list_that_nobody_knows_is_refused() {
        assert!(r#"{"secrets": ["a"]}"#.parse::<SourcesAllowed>().is_err());
        assert_eq!("{}".parse::<SourcesAllowed>().ok(), Some(SourcesAllowed::default()));
    }
}
