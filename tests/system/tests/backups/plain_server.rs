//! A server that nobody but PostgreSQL's own programs made.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::page::Page;

/// Such a server; it ends with this value.
pub(crate) struct PlainServer<'p> {
    page: &'p Page,
    data: PathBuf,
    socket: PathBuf,
}

impl<'p> PlainServer<'p> {
    /// A place for one that is not made yet.
    pub(crate) fn place(page: &'p Page, name: &str) -> anyhow::Result<Self> {
        let home = page.folder_of_the_server(name)?;
        let socket = page.folder_of_the_server(&format!("{name}/socket"))?;
        Ok(Self { page, data: home.join("data"), socket })
    }

    /// A running one with this superuser, and nothing in it.
    pub(crate) fn init(page: &'p Page, name: &str, superuser: &str) -> anyhow::Result<Self> {
        let server = Self::place(page, name)?;
        let data = server.data();
        let variables = [("DATA", data), ("SUPERUSER", superuser)];
        page.run_as_the_server(
            "initdb --pgdata=$DATA --username=$SUPERUSER --auth=trust --locale=C --encoding=UTF8 --no-sync",
            &variables,
        )?;
        server.settle_in(data)?;
        page.run_as_the_server("pg_ctl start --wait --pgdata=$DATA --log=$DATA.log", &variables)?;
        Ok(server)
    }

    /// Has a server that is started from these data listen where this one is.
    pub(crate) fn settle_in(&self, data: &str) -> anyhow::Result<()> {
        let mut settings = OpenOptions::new().append(true).open(Path::new(data).join("postgresql.conf"))?;
        let socket = self.socket.display();
        Ok(writeln!(
            settings,
            "listen_addresses = ''\nunix_socket_directories = '{socket}'\nport = 5432\n\
             max_connections = 400\nfsync = off"
        )?)
    }

    pub(crate) fn data(&self) -> &str {
        self.data.to_str().unwrap_or_default()
    }

    pub(crate) fn url(&self, database: &str, user: &str) -> String {
        let socket = self.socket.display();
        format!("postgresql:///{database}?host={socket}&port=5432&user={user}&sslmode=disable")
    }
}

impl Drop for PlainServer<'_> {
    fn drop(&mut self) {
        let stop = "pg_ctl stop --mode=immediate --silent --pgdata=$DATA";
        // It may never have been started.
        let _ = self.page.run_as_the_server(stop, &[("DATA", self.data())]);
    }
}
