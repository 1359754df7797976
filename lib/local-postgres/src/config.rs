//! The settings of a server, and the configuration file that holds them.

use std::path::Path;

use crate::address::PORT;
use crate::error::Error;
use crate::{RUNS, SUPERUSER};

/// What the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Keeps its data: every durability setting stays at PostgreSQL's safe default.
    Kept,
    /// Thrown away with its process: nothing has to survive the machine.
    ThrowAway,
}

impl Kind {
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Room for a bulk load without a checkpoint every few seconds.
            Kind::Kept => &[("shared_buffers", "256MB"), ("max_wal_size", "4GB")],
            // `synchronous_commit` stays on: it decides when a commit is visible as done,
            // and tests need that; only the flush behind it is cut off.
            Kind::ThrowAway => &[
                ("shared_buffers", "128MB"),
                ("max_wal_size", "1GB"),
                ("fsync", "off"),
                ("synchronous_commit", "on"),
                ("full_page_writes", "off"),
            ],
        }
    }
}

/// Good for a small machine that is shared with the signers.
const COMMON: &[(&str, &str)] = &[
    ("checkpoint_timeout", "15min"),
    ("jit", "off"),
    ("autovacuum", "on"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("log_checkpoints", "off"),
    ("logging_collector", "off"),
    ("cluster_name", "chancery"),
];

/// Who may log in, and how. Whoever can enter the socket's directory is the server's own user or root, which have whatever
/// the superuser has. The logins that were made for a run's programs show that they were given one: by SCRAM.
pub(crate) fn logins() -> String {
    let [signers, intakes, deliveries] = RUNS;
    format!(
        "# Written anew at every start: changes here are lost.\n\
         local all {SUPERUSER} trust\n\
         local replication {SUPERUSER} trust\n\
         local all +{signers},+{intakes},+{deliveries} scram-sha-256\n\
         local all all trust\n"
    )
}

/// The text of the configuration file. A later line overrides an earlier one, so that
/// `extra` overrides the defaults, and nothing overrides what keeps other users out.
pub(crate) fn render(
    kind: Kind,
    max_connections: u32,
    extra: &[(String, String)],
    socket_dir: &Path,
    logins: &Path,
) -> Result<String, Error> {
    let socket_dir = plain_text(socket_dir)?;
    let mut text = String::from("# Written anew at every start: changes here are lost.\n");
    for (name, value) in COMMON.iter().chain(kind.settings()) {
        push(&mut text, name, value)?;
    }
    push(&mut text, "max_connections", &max_connections.to_string())?;
    push(&mut text, "hba_file", plain_text(logins)?)?;
    for (name, value) in extra {
        push(&mut text, name, value)?;
    }
    push(&mut text, "listen_addresses", "")?;
    push(&mut text, "port", &PORT.to_string())?;
    // A list: the quotes keep a comma or a space within one path.
    let one_path = format!("\"{}\"", socket_dir.replace('"', "\"\""));
    push(&mut text, "unix_socket_directories", &one_path)?;
    push(&mut text, "unix_socket_permissions", "0700")?;
    Ok(text)
}

/// A path as text, refused if a setting or an address could not carry it.
pub(crate) fn plain_text(path: &Path) -> Result<&str, Error> {
    path.to_str()
        .filter(|text| !text.contains(char::is_control))
        .ok_or_else(|| Error::OddPath(path.to_path_buf()))
}

fn push(text: &mut String, name: &str, value: &str) -> Result<(), Error> {
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || !name.chars().all(named) {
        return Err(Error::Setting(name.to_owned()));
    }
    let value = value.replace('\\', r"\\").replace('\'', "''").replace('\n', r"\n");
    text.push_str(&format!("{name} = '{value}'\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(extra: &[(&str, &str)]) -> Result<String, Error> {
        let extra: Vec<_> =
            extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        render(Kind::Kept, 7, &extra, Path::new("/s"), Path::new("/d.hba"))
    }

    #[test]
    fn extra_settings_override_defaults_but_not_what_keeps_others_out() {
        let text = rendered(&[("jit", "on"), ("listen_addresses", "*")]).unwrap();
        let last = |name: &str| text.lines().rfind(|line| line.starts_with(name)).unwrap();
        assert_eq!(last("jit"), "jit = 'on'");
        assert_eq!(last("listen_addresses"), "listen_addresses = ''");
        assert_eq!(last("max_connections"), "max_connections = '7'");
    }

    #[test]
    fn a_value_cannot_end_its_line_or_its_quotes() {
        let text = rendered(&[("search_path", "a'\nport = '1\\")]).unwrap();
        assert!(text.contains(r"search_path = 'a''\nport = ''1\\'"), "{text}");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        assert!(matches!(rendered(&[("a = b", "")]), Err(Error::Setting(_))));
    }
}
