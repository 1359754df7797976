//! Where the objects of a test are.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chancery_kit::AzureServer;
use chancery_reading::{Credentials, Objects, Settings, Store};
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, path::Path};
use tempfile::TempDir;

use crate::s3_server::S3Server;

/// A service account whose requests are not signed, as emulators want it.
const GOOGLE_KEY: &str =
    r#"{"private_key":"","private_key_id":"","client_email":"a@example.com","disable_oauth":true}"#;

/// A store of each kind, empty.
pub(crate) enum Place {
    File(TempDir),
    Memory(Arc<InMemory>),
    S3 {
        server: Arc<S3Server>,
        bucket: String,
    },
    /// The same server by the XML interface of Google, which is that of S3 but for the login.
    Google {
        server: Arc<S3Server>,
        bucket: String,
    },
    Azure {
        server: Arc<AzureServer>,
        container: String,
    },
}

/// One of each kind that can be had here.
pub(crate) async fn all() -> Vec<Place> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut places = vec![Place::File(folder), Place::Memory(Arc::new(InMemory::new()))];
    if let Some(server) = S3Server::shared() {
        let bucket = server.new_bucket().await;
        places.push(Place::S3 { server: Arc::clone(&server), bucket });
        let bucket = server.new_bucket().await;
        places.push(Place::Google { server, bucket });
    }
    if let Some(server) = AzureServer::shared() {
        let container = server.new_container().await;
        places.push(Place::Azure { server, container });
    }
    places
}

/// The quickest one.
pub(crate) fn memory() -> Place {
    Place::Memory(Arc::new(InMemory::new()))
}

impl Place {
    pub(crate) async fn put(&self, name: &str, bytes: &[u8]) {
        match self {
            Self::File(_) => {
                let path = self.path(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                // As programs replace a file: the name leads to another one from one instant to the next.
                let beside = path.with_extension("new");
                fs::write(&beside, bytes).expect("written");
                fs::rename(beside, path).expect("renamed");
            }
            Self::Memory(store) => {
                let path = Path::from(format!("in/{name}"));
                store.put(&path, bytes.to_vec().into()).await.expect("put");
            }
            Self::S3 { server, bucket } | Self::Google { server, bucket } => {
                server.put(&format!("{bucket}/in/{name}"), bytes).await;
            }
            Self::Azure { server, container } => server.put(&format!("{container}/in/{name}"), bytes).await,
        }
    }

    pub(crate) async fn delete(&self, name: &str) {
        match self {
            Self::File(_) => fs::remove_file(self.path(name)).expect("removed"),
            Self::Memory(store) => store.delete(&Path::from(format!("in/{name}"))).await.expect("deleted"),
            Self::S3 { server, bucket } | Self::Google { server, bucket } => {
                server.delete(&format!("{bucket}/in/{name}")).await;
            }
            Self::Azure { server, container } => server.delete(&format!("{container}/in/{name}")).await,
        }
    }

    /// Of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let Self::File(folder) = self else { panic!("not a folder") };
        folder.path().join("in").join(name)
    }

    pub(crate) fn objects(&self) -> Objects {
        let (url, endpoint) = match self {
            Self::File(folder) => (format!("file://{}/in", folder.path().display()), None),
            Self::Memory(_) => ("memory:///in".to_owned(), None),
            Self::S3 { server, bucket } => (format!("s3://{bucket}/in"), Some(server.endpoint())),
            Self::Google { server, bucket } => (format!("gs://{bucket}/in"), Some(server.endpoint())),
            Self::Azure { server, container } => (format!("az://{container}/in"), Some(server.endpoint())),
        };
        Objects { url, include: Vec::new(), exclude: Vec::new(), endpoint, region: None }
    }

    pub(crate) fn store(&self, chunk: usize) -> Store {
        self.store_of(&self.objects(), chunk)
    }

    pub(crate) fn store_of(&self, objects: &Objects, chunk: usize) -> Store {
        let settings = Settings { chunk, retries: 0, ..Settings::default() };
        match self {
            Self::Memory(store) => Store::with(Arc::clone(store) as _, objects, "in", settings),
            Self::File(_) => Store::open(objects, &Credentials::Anonymous, settings),
            Self::S3 { .. } => {
                let (id, secret) = ("test".to_owned(), "test".to_owned());
                Store::open(objects, &Credentials::AccessKey { id, secret, token: None }, settings)
            }
            Self::Google { .. } => {
                let key = GOOGLE_KEY.to_owned();
                Store::open(objects, &Credentials::GoogleServiceAccount { key }, settings)
            }
            Self::Azure { .. } => {
                let (account, key) = (AzureServer::ACCOUNT.to_owned(), AzureServer::KEY.to_owned());
                Store::open(objects, &Credentials::AzureKey { account, key }, settings)
            }
        }
        .expect("a store")
    }
}
