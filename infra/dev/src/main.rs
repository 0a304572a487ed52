//! The `cargo dev` program: see the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    dev::main(dev::args::Arguments::parse())
}
