//! Reading the command line.

use std::io;
use std::process::exit;

use clap::Parser;

use crate::exit::Exit;
use crate::standard_error::say;

/// The arguments. Help, a version and a complaint about them end the program here.
pub fn parse_arguments<A: Parser>() -> A {
    let asked_or_wrong = match A::try_parse() {
        Ok(arguments) => return arguments,
        Err(asked_or_wrong) => asked_or_wrong,
    };
    match asked_or_wrong.print() {
        // Help that did not arrive. Whoever closed the pipe has read enough; nobody is left to hear a complaint.
        Err(error) if !asked_or_wrong.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("error: standard output cannot be written: {error}"));
            exit(Exit::BadInput.code().into())
        }
        _ => exit(asked_or_wrong.exit_code()),
    }
}
