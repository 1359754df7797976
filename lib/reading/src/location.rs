//! Where a source is, taken out of its url.

use object_store::path::Path;
use url::Url;

use crate::error::FinalError;

/// What a url names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A folder, or a file.
    File { path: Path },
    /// A bucket, and what is in it.
    S3 { bucket: String, prefix: Path },
    /// The same, of Google.
    Google { bucket: String, prefix: Path },
    /// A container of Azure, and what is in it.
    Azure { container: String, prefix: Path },
}

impl Location {
    pub(crate) fn parse(given: &str) -> Result<Self, FinalError> {
        let bad = |why: &str| FinalError::BadUrl { given: shown(given), why: why.to_owned() };
        let url = Url::parse(given).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "file" | "s3" | "gs" | "az") {
            return Err(FinalError::UnknownScheme { given: shown(given) });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a `?` or a `#`, which must be written %3F and %23"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
            return Err(bad("it names a user, a password or a port"));
        }
        let host = url.host_str().unwrap_or_default();
        let path = Path::from_url_path(url.path()).map_err(|error| bad(&error.to_string()))?;
        if url.scheme() == "file" {
            return match host {
                "" | "localhost" => Ok(Self::File { path }),
                _ => Err(bad("it names a host, and only files of this machine are read (three slashes)")),
            };
        }
        if host.is_empty() {
            return Err(bad("it names no bucket"));
        }
        let bucket = host.to_owned();
        Ok(match url.scheme() {
            "s3" => Self::S3 { bucket, prefix: path },
            "gs" => Self::Google { bucket, prefix: path },
            _ => Self::Azure { container: bucket, prefix: path },
        })
    }
}

/// A url as a message may repeat it: without a login, and without what follows a `?`, where tokens are.
pub(crate) fn shown(given: &str) -> String {
    let (kept, query) = given.split_once('?').map_or((given, ""), |(kept, _)| (kept, "?..."));
    let start = kept.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = kept.split_at(start);
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}...@{host}{query}"),
        None => format!("{scheme}{rest}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_folder_or_a_bucket() {
        assert_eq!(Location::parse("file:///a/b%20c/"), Ok(Location::File { path: Path::from("a/b c") }));
        let bucket = "bucket".to_owned();
        assert_eq!(
            Location::parse("s3://bucket/a/b"),
            Ok(Location::S3 { bucket, prefix: Path::from("a/b") })
        );
        let (bucket, prefix) = ("bucket".to_owned(), Path::from("a"));
        assert_eq!(Location::parse("gs://bucket/a"), Ok(Location::Google { bucket, prefix: prefix.clone() }));
        let container = "bucket".to_owned();
        assert_eq!(Location::parse("az://bucket/a"), Ok(Location::Azure { container, prefix }));
    }

    #[test]
    fn what_is_no_url_of_a_store_is_said_so() {
        for (given, wanted) in [
            ("ftp://host/a", "whose scheme is unknown"),
            ("/a/b", "which is no URL"),
            ("s3:///a", "which is no URL: it names no bucket"),
            ("file://host/a", "three slashes"),
            ("s3://user:secret@bucket/a", "names a user"),
            ("s3://bucket/a?b", "%3F"),
        ] {
            let said = Location::parse(given).expect_err(given).to_string();
            assert!(said.contains(wanted), "{given}: {said}");
            assert!(said.contains("wanted is file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"), "{said}");
        }
    }

    #[test]
    fn no_message_repeats_a_secret() {
        for given in [
            "s3://user:secret@bucket/a",
            "https://user:secret@host",
            "user:secret@host",
            "s3://user:sec/secret@bucket",
            "az://container?sig=secret",
            "s3://bucket:port/?secret@x",
        ] {
            let said = Location::parse(given).expect_err(given).to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
