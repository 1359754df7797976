//! What is trusted, and what was kept, outside of the ledger.

use std::fs;
use std::path::PathBuf;

use chancery_statement::TrustedKeys;
use chancery_stating::KeptStatement;

use crate::error::CliError;

/// Reads the public keys that are trusted to sign statements.
pub(crate) fn keys(paths: &[PathBuf]) -> Result<TrustedKeys, CliError> {
    let mut trusted = TrustedKeys::default();
    for path in paths {
        let refused = |reason: String| CliError::TrustedKey { path: path.clone(), reason };
        let text = fs::read_to_string(path).map_err(|reason| refused(reason.to_string()))?;
        trusted.trust(&text).map_err(|reason| refused(reason.to_string()))?;
    }
    Ok(trusted)
}

/// Reads statements, one a line, as they are exported.
pub(crate) fn statements(paths: &[PathBuf]) -> Result<Vec<KeptStatement>, CliError> {
    let mut kept = Vec::new();
    for path in paths {
        let refused = |reason: String| CliError::KeptStatement { path: path.clone(), reason };
        let text = fs::read_to_string(path).map_err(|reason| refused(reason.to_string()))?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let before = kept.len();
        for (number, line) in lines {
            let place = format!("{}, line {}", path.display(), number + 1);
            let envelope = serde_json::from_str(line)
                .map_err(|reason| refused(format!("line {}: {reason}", number + 1)))?;
            kept.push(KeptStatement { place, envelope });
        }
        if kept.len() == before {
            return Err(refused("it is empty".to_owned()));
        }
    }
    Ok(kept)
}
