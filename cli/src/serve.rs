//! `chancery serve`: the HTTP API, on this machine.

mod redriving;

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_gateway::{Gateway, Limits, Listener, Token};
use chancery_process::{Exit, Stop, allow_open_files, say};

use crate::arguments::{DatabaseArguments, ServeArguments};
use crate::database::Database;
use crate::error::CliError;
use crate::serve::redriving::Commands;

/// The file, in the data folder, with the token.
const TOKEN: &str = "api-token";

/// The file, in the data folder, that says where the API is while it is served.
const ADDRESS: &str = "api-address";

/// Files that are wanted: a connection is one.
const FILES: u64 = 16_384;

/// How long requests that are in hand may still take once the command is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn serve(
    database_arguments: &DatabaseArguments,
    arguments: &ServeArguments,
) -> Result<Exit, CliError> {
    let ServeArguments { listen, token_file } = arguments;
    let stop = Stop::on_signals(GRACE).map_err(CliError::Signals)?;
    let data_dir = &database_arguments.data_dir;
    fs::create_dir_all(data_dir).map_err(|reason| CliError::DataDir { path: data_dir.clone(), reason })?;
    let token_file = token_file.clone().unwrap_or_else(|| token_file_of(data_dir));
    let token = Token::read_or_create(&token_file)?;
    // Before the database is started: another may listen there.
    let listener = Listener::bind(listen).await?;
    let url = listener.url();
    let database = Database::open_or_create(database_arguments, 0).await?;
    let address = address_file_of(data_dir);
    write_address(&address, &url)?;
    say(&format!("the API is at {url}, for whoever has the token in {}", token_file.display()));
    let limits = Limits::default().within(allow_open_files(FILES));
    let commands = Commands::new(database.ledger.clone(), database_arguments, &stop);
    let gateway = Gateway::new(database.ledger.clone(), token, limits).redriving(commands.clone());
    gateway.serve(&listener, &stop).await;
    forget_address(&address, &url);
    commands.ended().await;
    database.close().await?;
    Ok(Exit::Done)
}

/// Where the token is, unless it is said.
pub(crate) fn token_file_of(data_dir: &Path) -> PathBuf {
    data_dir.join(TOKEN)
}

/// Where it is said where the API is.
pub(crate) fn address_file_of(data_dir: &Path) -> PathBuf {
    data_dir.join(ADDRESS)
}

fn write_address(path: &Path, url: &str) -> Result<(), CliError> {
    let failed = |reason| CliError::WriteFile { path: path.to_owned(), reason };
    // Under another name first, so that nobody reads half of it.
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, format!("{url}\n").as_bytes()))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(failed)
}

/// Unless another has taken its place.
fn forget_address(path: &Path, url: &str) {
    if fs::read_to_string(path).is_ok_and(|there| there.trim() == url) {
        let _left = fs::remove_file(path);
    }
}
