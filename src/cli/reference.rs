//! The page of all commands, written from the command line itself, and the commands that other pages show: what is
//! documented exists, and what exists is documented.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory, Parser};

use super::Cli;

const HEAD: &str = "# Commands

Every command with its options, as `--help` tells them. Written by a test from the program itself:
`INSTA_UPDATE=always cargo test -p signalbox --bin signalbox`. What they are for is told in [operating.md](operating.md),
[configuration.md](configuration.md), [policies.md](policies.md), [scorecards.md](scorecards.md) and
[records.md](records.md); `evalkit` has [its own page](evalkit.md).

`--json` prints JSON instead of text. Exit codes: 0 done, 1 failed, 2 done with warnings, 64 wrong usage or configuration.
";
/// Options of nearly every command, told once.
const SERVER: [&str; 3] = ["server", "data_dir", "key"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

// === The page ===

fn page() -> String {
    let command = built();
    let mut page = HEAD.to_owned();
    let server = find(&command, &["audit", "list"]).expect("a command that asks a server");
    page.push_str("\n## Which server\n\nCommands below that are marked with ° ask a running server, and take:\n\n");
    table(&mut page, server.get_arguments().filter(|it| is_of_the_server(it)));
    let up = find(&command, &["up"]).expect("the command that serves");
    section(&mut page, "signalbox up", up);
    for group in command.get_subcommands().filter(|it| !["up", "help"].contains(&it.get_name())) {
        walk(&mut page, &format!("signalbox {}", group.get_name()), group);
    }
    page
}

fn walk(page: &mut String, name: &str, command: &Command) {
    section(page, name, command);
    for below in command.get_subcommands().filter(|it| it.get_name() != "help") {
        walk(page, &format!("{name} {}", below.get_name()), below);
    }
}

fn section(page: &mut String, name: &str, command: &Command) {
    let asks_server = command.get_arguments().any(|it| it.get_id() == "server");
    let is_told = |it: &&Arg| is_usual(it) || (asks_server && is_of_the_server(it));
    let arguments: Vec<_> = command.get_arguments().filter(|it| !is_told(it)).collect();
    let level = if name.matches(' ').count() == 1 { "##" } else { "###" };
    let mark = if asks_server { " °" } else { "" };
    let positional = arguments.iter().filter(|it| it.is_positional()).map(ToString::to_string);
    let call: Vec<_> = [name.to_owned()].into_iter().chain(positional).collect();
    let about = command.get_about().map(sentence).unwrap_or_default();
    write!(page, "\n{level} `{}`{mark}\n\n{about}\n", call.join(" ")).expect("a string");
    if !arguments.is_empty() {
        page.push('\n');
        table(page, arguments.into_iter());
    }
}

fn table<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| | |\n| --- | --- |\n");
    for argument in arguments {
        let help = argument.get_help().map(sentence).unwrap_or_default();
        let row = format!("`{}`{} | {help}{}", shown(argument), environment(argument), further(argument));
        writeln!(page, "| {} |", row.replace('|', "\\|").replacen(" \\| ", " | ", 1)).expect("a string");
    }
}

fn sentence(text: &StyledStr) -> String {
    let text = text.to_string();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    text + end
}

/// `-f, --file FILE`, or a name that stands by itself.
fn shown(argument: &Arg) -> String {
    let Some(long) = argument.get_long() else { return argument.to_string() };
    let short = argument.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let names = argument.get_value_names().filter(|_| argument.get_action().takes_values()).unwrap_or_default();
    let values = names.iter().map(ToString::to_string);
    [format!("{short}--{long}")].into_iter().chain(values).collect::<Vec<_>>().join(" ")
}

fn environment(argument: &Arg) -> String {
    argument.get_env().map(|name| format!(" (`{}`)", name.to_string_lossy())).unwrap_or_default()
}

/// What may be given, and what counts without it.
fn further(argument: &Arg) -> String {
    let mut further = String::new();
    let values: Vec<_> = argument.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
    if !values.is_empty() && argument.get_action().takes_values() {
        write!(further, " One of {}.", values.join(", ")).expect("a string");
    }
    let defaults: Vec<_> = argument.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        write!(further, " Default: `{}`.", defaults.join(" ")).expect("a string");
    }
    if argument.is_required_set() && !argument.is_positional() {
        further.push_str(" Required.");
    }
    further
}

fn is_usual(argument: &Arg) -> bool {
    let is_json = argument.get_id() == "json" && argument.get_help().is_some_and(|it| it.to_string() == "Prints JSON");
    argument.get_long().is_some_and(|long| ["help", "version"].contains(&long)) || is_json
}

fn is_of_the_server(argument: &Arg) -> bool {
    SERVER.iter().any(|it| argument.get_id() == *it) && argument.get_env().is_some()
}

fn find<'a>(command: &'a Command, path: &[&str]) -> Option<&'a Command> {
    path.iter().try_fold(command, |command, name| command.find_subcommand(name))
}

#[test]
fn the_page_of_commands_tells_all_of_them() {
    let (path, page) = (root().join("docs/commands.md"), page());
    if env::var("INSTA_UPDATE").is_ok_and(|it| it == "always") {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/commands.md is not what --help says: run this with INSTA_UPDATE=always");
}

// === What other pages show ===

fn pages() -> Vec<(PathBuf, String)> {
    let documents = fs::read_dir(root().join("docs")).unwrap().map(|it| it.unwrap().path());
    let documents = documents.filter(|it| it.extension().is_some_and(|it| it == "md"));
    let paths = ["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)).into_iter().chain(documents);
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap().replace("\\\n", " "))).collect()
}

/// Lines of shell snippets that call the program, without what a shell would make of the rest.
fn snippets(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|it| it.split("```").next());
    let calls = blocks.flat_map(str::lines).filter(|line| line.starts_with("signalbox"));
    calls.map(|line| line.split([';', '|', '>', '#', '&']).next().unwrap_or_default().trim()).collect()
}

/// Code in running text.
fn codes(page: &str) -> impl Iterator<Item = &str> {
    let snippets = page.split("```").step_by(2);
    snippets.flat_map(|text| text.split('`').skip(1).step_by(2)).filter(|code| !code.contains('\n'))
}

/// The options that a piece of code names, without their dashes.
fn longs_of(code: &str) -> impl Iterator<Item = &str> {
    let words = code.split_whitespace().map(|word| word.trim_matches(['[', ']', '(', ')', '"']));
    words.filter_map(|word| word.strip_prefix("--")?.split('=').next())
}

fn options_of(command: &Command) -> BTreeSet<&str> {
    command.get_arguments().filter_map(Arg::get_long).collect()
}

fn options_below(command: &Command) -> BTreeSet<&str> {
    let below = command.get_subcommands().flat_map(options_below);
    options_of(command).into_iter().chain(below).collect()
}

#[test]
fn commands_in_snippets_can_be_typed() {
    let mut count = 0;
    for (path, page) in pages() {
        for line in snippets(&page) {
            let words = line.split_whitespace().map(|word| word.trim_matches(['\'', '"']));
            if let Err(fault) = Cli::try_parse_from(words) {
                panic!("{}: {line}: {fault}", path.display());
            }
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} snippets were found");
}

/// The command that a piece of code calls.
fn called<'a>(command: &'a Command, code: &str) -> &'a Command {
    let mut called = command;
    for word in code.split_whitespace().skip(1) {
        match called.find_subcommand(word) {
            Some(below) => called = below,
            None => break,
        }
    }
    called
}

#[test]
fn options_in_running_text_exist() {
    // Pages that speak of this program alone: what begins with an option there is one of its own.
    const OWN: [&str; 6] =
        ["operating.md", "configuration.md", "limits.md", "records.md", "dialects.md", "scorecards.md"];
    let command = built();
    let all = options_below(&command);
    let mut count = 0;
    for (path, page) in pages() {
        let is_own = OWN.iter().any(|name| path.ends_with(name));
        for code in codes(&page) {
            let known = if code.starts_with("signalbox ") {
                options_of(called(&command, code))
            } else if is_own && code.starts_with("--") {
                all.clone()
            } else {
                continue;
            };
            for long in longs_of(code) {
                assert!(known.contains(long), "{}: `{code}`: there is no --{long}", path.display());
                count += 1;
            }
        }
    }
    assert!(count >= 60, "only {count} options were found");
}
