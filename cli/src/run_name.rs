//! Naming a run on the command line.

use std::fmt;
use std::str::FromStr;

use chancery_api::names::DEFAULT_NAMESPACE;

/// `NAME` or `NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl FromStr for RunName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, name) = text.split_once('/').unwrap_or((DEFAULT_NAMESPACE, text));
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return Err("a run is named NAME or NAMESPACE/NAME".to_owned());
        }
        // Not every database can spell others, and would then not say that there is no such run.
        if !text.is_ascii() {
            return Err("a name has only the letters a to z, digits, dashes and dots".to_owned());
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// A run as it is named where a flag says which namespace one without a namespace is in.
#[derive(Clone, Debug)]
pub(crate) struct GivenRun(String);

impl FromStr for GivenRun {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<RunName>().map(|_| Self(text.to_owned()))
    }
}

impl GivenRun {
    /// The run that is meant.
    ///
    /// # Errors
    ///
    /// A namespace that is none, in words.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Result<RunName, String> {
        if self.0.contains('/') { self.0.parse() } else { format!("{namespace}/{}", self.0).parse() }
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_one_of_the_default_namespace() {
        assert_eq!("demo".parse::<RunName>().expect("a name").to_string(), "default/demo");
        assert_eq!("billing/q3".parse::<RunName>().expect("a name").to_string(), "billing/q3");
    }

    #[test]
    fn a_namespace_that_is_given_is_that_of_a_bare_name() {
        let name = |text: &str, namespace: &str| {
            let given: GivenRun = text.parse().expect("a name");
            given.in_namespace(namespace).map(|name| name.to_string())
        };
        assert_eq!(name("demo", "billing"), Ok("billing/demo".to_owned()));
        assert_eq!(name("billing/q3", "other"), Ok("billing/q3".to_owned()));
        for none in ["", "a/b", "d\u{e9}mo"] {
            name("demo", none).expect_err(none);
        }
    }

    #[test]
    fn what_names_no_run_is_refused() {
        for text in ["", "/", "a/", "/b", "a/b/c", "d\u{e9}mo", "\u{65e5}/demo"] {
            text.parse::<RunName>().expect_err(text);
        }
    }
}
