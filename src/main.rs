//! The `signalbox` binary: reads the command line, runs one command, turns its end into an exit code.
//!
//! 0 = done, 1 = failed, 2 = done with warnings, 64 = wrong usage or configuration.

mod cli;
mod commands;
mod console_port;
mod data_dir;
mod environment;
mod exit;
mod output;
mod server_link;
mod up;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use domain::ObjectKind;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            let _ = fault.print();
            return if fault.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    log_to_stderr();
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(fault) => {
            eprintln!("error: {}", exit::explain(&fault));
            exit::of(&fault).into()
        }
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("SIGNALBOX_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match cli.command.unwrap_or(Command::Up(cli.up)) {
            Command::Up(args) => up::run(args).await,
            Command::Apply(args) => commands::apply::run(args, false).await,
            Command::Plan(args) => commands::apply::run(args, true).await,
            Command::Schema => commands::schema::run(),
            Command::Explain(args) => commands::explain::run(args).await,
            Command::Keys(command) => commands::keys::run(command).await,
            Command::Projects(command) => commands::objects::run(ObjectKind::Project, command).await,
            Command::Routers(command) => commands::objects::run(ObjectKind::Router, command).await,
            Command::Policies(command) => commands::versions::run(ObjectKind::Policy, command).await,
            Command::Models(command) => commands::models::run(command).await,
            Command::Providers(command) => commands::objects::run(ObjectKind::Provider, command).await,
            Command::Credentials(command) => commands::credentials::run(command).await,
            Command::Organisations(command) => commands::organisations::run(command).await,
            Command::Scorecards(command) => commands::scorecards::run(command).await,
            Command::Blends(command) => commands::blends::run(command).await,
            Command::Audit(command) => commands::audit::run(command).await,
            Command::Scorer(command) => commands::scorer::run(command).await,
            Command::Logs(args) => commands::logs::run(args).await,
            Command::Export(args) => commands::export::run(args).await,
            Command::Bodies(command) => commands::bodies::run(command).await,
            Command::Usage(args) => commands::usage::run(args).await,
            Command::Doctor(args) => commands::doctor::run(args).await,
        }
    })
}
