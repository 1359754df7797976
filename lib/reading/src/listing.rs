//! Which objects a source holds, in an order that stays.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use crate::error::{FinalError, ReadError, TransientError};
use crate::fault;
use crate::object::{PinnedObject, Version};
use crate::store::Store;

/// The most objects of one source: a list of that many takes some 30 MiB.
pub const MAX_OBJECTS: usize = 100_000;

impl Store {
    /// The objects of the source, each pinned to the version that is the newest now, in the order of their names'
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; that nothing matches, too.
    pub async fn list(&self) -> Result<Vec<PinnedObject>, ReadError> {
        if let Some(folder) = &self.folder {
            self.look_at(folder).await?;
        }
        let mut found = Vec::new();
        let mut seen = 0;
        let mut all = self.inner.list(Some(&self.prefix));
        loop {
            let next = tokio::time::timeout(self.settings.timeout, all.try_next()).await;
            let next = next.map_err(|_| self.late())?;
            let Some(meta) = next.map_err(|error| fault::of_source(&self.source_url, &error))? else { break };
            seen += 1;
            self.take(&meta, &mut found)?;
        }
        if seen == 0
            && let Some(meta) = self.named_object().await?
        {
            seen = 1;
            self.take(&meta, &mut found)?;
        }
        if found.is_empty() {
            return Err(FinalError::NothingMatches { source_url: self.source_url.clone(), seen }.into());
        }
        found.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    fn take(&self, meta: &ObjectMeta, found: &mut Vec<PinnedObject>) -> Result<(), FinalError> {
        if !self.patterns.select(&self.relative(&meta.location)) {
            return Ok(());
        }
        let source_url = self.source_url.clone();
        let key = meta.location.to_string();
        if meta.e_tag.is_none() && meta.version.is_none() {
            return Err(FinalError::NoVersion { source_url, key });
        }
        if found.len() == MAX_OBJECTS {
            return Err(FinalError::TooManyObjects { source_url, limit: MAX_OBJECTS });
        }
        let mut version = Version::from(meta);
        if let Some(tag) = version.e_tag.as_mut().filter(|tag| self.quotes_tags && !tag.contains('"')) {
            *tag = format!("\"{tag}\"");
        }
        found.push(PinnedObject { key, version });
        Ok(())
    }

    /// The name below the url; of an object that the url itself names, its last part.
    fn relative(&self, location: &Path) -> String {
        let below: Option<Vec<_>> = location.prefix_match(&self.prefix).map(Iterator::collect);
        match below {
            Some(parts) if !parts.is_empty() => {
                parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/")
            }
            _ => location.filename().unwrap_or_default().to_owned(),
        }
    }

    /// The object that the url itself names, if it does.
    async fn named_object(&self) -> Result<Option<ObjectMeta>, ReadError> {
        if self.prefix.as_ref().is_empty() {
            return Ok(None);
        }
        let asked = tokio::time::timeout(self.settings.timeout, self.inner.head(&self.prefix));
        match asked.await.map_err(|_| self.late())? {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault::of_source(&self.source_url, &error)),
        }
    }

    /// A folder that is missing lists as an empty one.
    async fn look_at(&self, folder: &std::path::Path) -> Result<(), ReadError> {
        let looked = match tokio::fs::metadata(folder).await {
            Ok(meta) if meta.is_dir() => tokio::fs::read_dir(folder).await.map(drop),
            other => other.map(drop),
        };
        let error =
            |error| object_store::Error::Generic { store: "file", source: Box::<std::io::Error>::new(error) };
        looked.map_err(|failed| fault::of_source(&self.source_url, &error(failed)))
    }

    pub(crate) fn late(&self) -> ReadError {
        let why = format!("no answer within {:?}", self.settings.timeout);
        TransientError::Unavailable { source_url: self.source_url.clone(), why }.into()
    }
}
