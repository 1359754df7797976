//! With what a service is called that is sent signed records.

use chancery_api::WEBHOOK_SECRET;

use super::{AUTHORITIES, Access, AccessError, WEBHOOK, from_environment, from_file};

/// In a folder of a sink: the bearer token that the service is shown.
const TOKEN: &str = "token";

/// With what a service is called.
#[derive(Clone, Default)]
pub struct ServiceAccess {
    /// The keys by which requests are signed, as they were given.
    pub secret: Option<String>,
    /// The bearer token that it is shown.
    pub token: Option<String>,
    /// The authorities that vouch for it, PEM, in the place of the public ones.
    pub authorities: Option<String>,
}

/// Not what is within.
impl std::fmt::Debug for ServiceAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceAccess")
    }
}

impl Access {
    /// With what the service of a sink is called, by the name of the sink. One that names no Secret is called without anything.
    ///
    /// # Errors
    ///
    /// What there is of it cannot be read, or is neither a key nor a token.
    pub fn service(&self, sink: &str) -> Result<ServiceAccess, AccessError> {
        let Self::Folder(folder) = self else {
            let secret = from_environment(WEBHOOK)?;
            return Ok(ServiceAccess { secret, ..ServiceAccess::default() });
        };
        let folder = folder.join(sink);
        if !folder.exists() {
            return Ok(ServiceAccess::default());
        }
        let wanted = "secret, with a key to sign by, or token, with a bearer token";
        let read = |file| from_file(&folder, file, wanted);
        let (secret, token, authorities) = (read(WEBHOOK_SECRET)?, read(TOKEN)?, read(AUTHORITIES)?);
        if secret.is_none() && token.is_none() && authorities.is_none() {
            return Err(AccessError::File {
                file: folder.display().to_string(),
                reason: std::io::ErrorKind::NotFound.into(),
                wanted,
            });
        }
        Ok(ServiceAccess { secret, token, authorities })
    }
}
