//! What sources and sinks of a run may name in its namespace: Secrets and claims whose names begin as whoever installed Chancery said.

use chancery_api::names;

/// Which names may be given, and where that is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamesAllowed<'a> {
    /// What they may begin with.
    pub(super) prefixes: &'a [String],
    /// The chart's value that lists that.
    pub(super) value: &'static str,
}

/// The files of a claim, as a source or a sink names them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a> {
    pub(super) url: &'a str,
    pub(super) claim: Option<&'a str>,
    /// What is done with them, such as "read from".
    pub(super) verb: &'static str,
}

impl NamesAllowed<'_> {
    /// What is wrong with the Secret that a field names; none if it is allowed.
    pub(super) fn secret(self, field: &str, name: &str) -> Option<String> {
        if names::is_secret_of_a_run(name) {
            return Some(format!(
                "{field} names the Secret {name}, whose name is one of those that Chancery gives the Secrets of runs; name another"
            ));
        }
        self.named(field, "Secret", name)
    }

    /// What is wrong with the files; none if they are a claim's that is allowed, or no files.
    pub(super) fn files(self, Files { url, claim, verb }: Files<'_>) -> Option<String> {
        let of_files = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
        let Some(claim) = claim else {
            return of_files.then(|| format!(
                "objects.url is `{url}`, and on a cluster files are {verb} a volume only; name its PersistentVolumeClaim with objects.volumeClaim, and give the url file:///volumes/CLAIM/FOLDER"
            ));
        };
        if let Some(refused) = self.named("objects.volumeClaim", "claim", claim) {
            return Some(refused);
        }
        let mounted = format!("file://{}", names::claim_path(claim));
        let inside = url.strip_prefix(&mounted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (!inside || url.contains("/..") || url.contains('%')).then(|| format!(
            "objects.url is `{url}`, and the claim {claim} is at {}; give a url that begins with {mounted}, without `..` and `%`, or leave objects.volumeClaim out",
            names::claim_path(claim)
        ))
    }

    fn named(self, field: &str, kind: &str, name: &str) -> Option<String> {
        let Self { prefixes, value } = self;
        if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        let wanted = match prefixes {
            [] => "none may be named here".to_owned(),
            prefixes => format!("wanted here is a name that begins with {}", prefixes.join(" or ")),
        };
        Some(format!(
            "{field} names the {kind} {name}, and {wanted}; name another, or ask whoever installed Chancery to allow it in {value} of the chart's values"
        ))
    }
}

/// Whoever reads or writes for others takes no URL of theirs: a password would be in the manifest, for everybody to read.
pub(super) fn table_without_secret() -> String {
    "table.url is for `chancery run`, and on a cluster the URL comes from a Secret; name it, and its key, with table.urlSecretRef"
        .to_owned()
}
