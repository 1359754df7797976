//! A second process: this test program again, playing one part until its input ends.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chancery_local_postgres::{LocalPostgres, ThrowAway, find_binaries};

use crate::world::options;

const PART: &str = "CHANCERY_TEST_PART";
const FOLDER: &str = "CHANCERY_TEST_FOLDER";
/// Marks what is meant for the parent among the lines of the test program itself.
const MARK: &str = "child says: ";

/// Another process with a server.
pub(crate) struct Other {
    child: Child,
    input: Option<ChildStdin>,
    /// Kept open: the test program still has its last lines to say.
    output: BufReader<ChildStdout>,
    /// What it said once it was ready.
    pub(crate) said: String,
}

impl Other {
    /// Starts a process that uses the kept server of a folder.
    pub(crate) fn user(data_dir: &Path) -> Other {
        Other::play("user", data_dir, |_| {})
    }

    /// Starts a process with a throw-away server.
    pub(crate) fn with_throw_away(parent: &Path) -> Other {
        Other::play("throw-away", parent, |_| {})
    }

    /// Starts a process in an environment of its own.
    pub(crate) fn play(part: &str, folder: &Path, adjust: impl FnOnce(&mut Command)) -> Other {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::plays_its_part", "--ignored", "--nocapture"])
            .env(PART, part)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        adjust(&mut command);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let said = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            // The test program may have begun a line of its own before.
            .find_map(|line| line.split_once(MARK).map(|(_, said)| said.to_owned()))
            .expect("the child ended without a word");
        Other { child, input, output, said }
    }

    pub(crate) fn server_pid(&self) -> u32 {
        self.said.parse().unwrap_or_else(|_| panic!("{}", self.said))
    }

    /// Lets it end by itself.
    pub(crate) fn finish(mut self) {
        drop(self.input.take());
        let mut last_words = String::new();
        self.output.read_to_string(&mut last_words).unwrap();
        assert!(self.child.wait().unwrap().success(), "{last_words}");
    }

    /// SIGKILL: no destructor runs.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[allow(clippy::print_stdout)]
fn say(words: impl std::fmt::Display) {
    println!("{MARK}{words}");
}

fn until_the_input_ends() {
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
#[ignore = "played by the other tests in a process of its own"]
fn plays_its_part() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap_or_default());
    match std::env::var(PART).unwrap_or_default().as_str() {
        "user" => match LocalPostgres::start(options(&folder)) {
            Ok(server) => {
                say(server.server_pid().unwrap().unwrap());
                until_the_input_ends();
                server.stop().unwrap();
            }
            Err(error) => say(error),
        },
        "note" => {
            let server = LocalPostgres::start(options(&folder)).unwrap();
            say(server.note().unwrap_or_default());
            server.stop().unwrap();
        }
        "throw-away" => {
            let server = ThrowAway::start(&folder, options(&folder)).unwrap();
            say(server.server_pid().unwrap().unwrap());
            until_the_input_ends();
        }
        "binaries" => match find_binaries() {
            Ok(found) => say(found.version()),
            Err(error) => say(error),
        },
        _ => {}
    }
}
