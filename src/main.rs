//! Parses, runs, prints the failure, exits.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use vv::cli::Cli;
use vv::failure::{Failure, Kind};
use vv::{commands, output};

/// The exit code of a bug.
const BUG: u8 = 101;

fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    std::panic::set_hook(Box::new(output::failure::print_bug));
    let cli = Cli::parse();
    // Several crates bring several providers; naming one is what rustls asks for. A second call only says so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::failure::print(&Failure::from(error));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        tokio::select! {
            // A task of its own, so that a panic in it ends in the exit code of a bug and not in a panic here.
            result = tokio::spawn(commands::run(cli)) => result,
            () = output::reader_gone() => Ok(Ok(())),
            () = commands::interrupted_twice() => Ok(Err(Failure::quiet(Kind::Interrupted))),
        }
    });
    runtime.shutdown_background();
    // Work that was broken off has not put the terminal in order.
    output::terminal::show_typing();
    let result = result.map(|result| result.and_then(|()| output::unwritten().map_or(Ok(()), Err)));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            output::failure::print(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
        Err(_) => ExitCode::from(BUG),
    }
}
