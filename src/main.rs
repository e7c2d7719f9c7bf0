//! The `signalbox` binary: reads the command line, runs one command, turns its end into an exit code.
//!
//! 0 = done, 1 = failed, 2 = done with warnings, 64 = wrong usage or configuration.

mod cli;
mod commands;
mod console_port;
mod data_dir;
mod environment;
mod exit;
mod logs;
mod metric_catalogue;
mod output;
mod server_link;
mod traces;
mod up;

use std::process::ExitCode;

use clap::Parser;
use domain::ObjectKind;

use crate::cli::{Cli, Command, ProvidersCommand};
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
    logs::begin(cli.log_format());
    without_huge_pages();
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(fault) => {
            eprintln!("error: {}", exit::explain(&fault));
            exit::of(&fault).into()
        }
    }
}

/// Has memory given out in small pages: the allocator asks for huge ones, and thousands of connections that touch a little
/// of many then hold half as much again.
fn without_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
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
            Command::Projects(command) => commands::budgets::projects(command).await,
            Command::Routers(command) => commands::objects::run(ObjectKind::Router, command).await,
            Command::Policies(command) => commands::versions::run(ObjectKind::Policy, command).await,
            Command::Models(command) => commands::models::run(command).await,
            Command::Providers(ProvidersCommand::Object(command)) => {
                commands::objects::run(ObjectKind::Provider, command).await
            }
            Command::Providers(ProvidersCommand::Check(args)) => commands::check::run(args).await,
            Command::Credentials(command) => commands::credentials::run(command).await,
            Command::Organisations(command) => commands::organisations::run(command).await,
            Command::Scorecards(command) => commands::scorecards::run(command).await,
            Command::Blends(command) => commands::blends::run(command).await,
            Command::Seal(command) => commands::seal::run(command).await,
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
