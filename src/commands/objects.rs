//! `signalbox <noun> list|show|create|update|delete`: the same for every kind of object.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use config::{Format, Loaded, ProcessEnv, Secrets};
use domain::desired::{Action, DesiredFault, DiffLine};
use domain::{Object, ObjectKind};
use proto::pb::admin::v1 as pb;
use serde_json::{Value, json};

use crate::cli::{DeleteArgs, FileArgs, NameArgs, ObjectCommand};
use crate::commands::{lists, located, print_diff};
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::{ServerLink, diff_of, told};

/// Runs one of them.
pub(crate) async fn run(kind: ObjectKind, command: ObjectCommand) -> anyhow::Result<Exit> {
    match command {
        ObjectCommand::List(args) => lists::run(kind, &args).await,
        ObjectCommand::Show(args) => show(kind, args).await,
        ObjectCommand::Create(args) => save(kind, args, Wish::New).await,
        ObjectCommand::Update(args) => save(kind, args, Wish::There).await,
        ObjectCommand::Delete(args) => delete(kind, args).await,
    }
}

/// Whether the objects of a file have to be there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    New,
    There,
}

pub(crate) async fn show(kind: ObjectKind, args: NameArgs) -> anyhow::Result<Exit> {
    let (object, etag) = ServerLink::connect(&args.server).await?.get(kind, &args.name).await?;
    print_object(fields(&object)?, &etag, args.json)?;
    Ok(Exit::Done)
}

/// All of a file or nothing, and nothing on top of what others have changed since it was looked at.
async fn save(kind: ObjectKind, args: FileArgs, wish: Wish) -> anyhow::Result<Exit> {
    let loaded = load(&args.file, section(kind)?)?;
    let mut server = ServerLink::connect(&args.server).await?;
    let located = |faults: Vec<DesiredFault>| UsageError(located(&args.file, &loaded.positions, &faults));
    let (planned, etag) = server.apply_if(&loaded.desired, true, String::new()).await?;
    let planned = planned.map_err(located)?;
    let lines: Vec<_> = planned.lines.iter().filter(|line| line.kind == kind.as_str()).collect();
    for DiffLine { name, action, .. } in &lines {
        match (wish, *action == Action::Create) {
            (Wish::New, false) => bail!("there is a {kind} `{name}` already: change it with `update`"),
            (Wish::There, true) => bail!("there is no {kind} `{name}`: make it with `create`"),
            (Wish::New, true) | (Wish::There, false) => {}
        }
    }
    if let Some(wanted) = &args.etag {
        let [only] = lines[..] else {
            return Err(UsageError(format!("--etag: is of one {kind}, the file has {}", lines.len())).into());
        };
        let (_, found) = server.get(kind, &only.name).await?;
        if found != *wanted {
            bail!("the {kind} `{}` was changed meanwhile: look at it with `show`, then use etag {found}", only.name);
        }
    }
    let (outcome, _) = server.apply_if(&loaded.desired, false, etag).await?;
    let diff = outcome.map_err(located)?;
    print_diff(&diff, args.json, false)?;
    Ok(if loaded.warnings.is_empty() && diff.warnings.is_empty() { Exit::Done } else { Exit::Warnings })
}

pub(crate) async fn delete(kind: ObjectKind, DeleteArgs { act, yes }: DeleteArgs) -> anyhow::Result<Exit> {
    if !yes && !act.json && !confirmed(&format!("Delete the {kind} `{}`?", act.name))? {
        bail!("nothing was deleted");
    }
    let request = pb::ActRequest { name: act.name, etag: act.etag.unwrap_or_default(), ..pb::ActRequest::default() };
    let deleted = ServerLink::connect(&act.server).await?.objects().delete(kind, request).await.map_err(told)?;
    print_diff(&diff_of(deleted.diff)?, act.json, false)?;
    Ok(Exit::Done)
}

/// Prints an object: its fields in a table, or as JSON with the etag among them.
pub(crate) fn print_object(mut fields: Value, etag: &str, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        fields["etag"] = json!(etag);
        return output::json(&fields);
    }
    let mut rows = Vec::new();
    flatten(String::new(), &fields, &mut rows);
    rows.push(["etag".to_owned(), etag.to_owned()]);
    output::table(["FIELD", "VALUE"], rows, "")
}

/// An object's own fields; what is sealed or hashed is not among them.
pub(crate) fn fields(object: &Object) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(object)?["value"].take();
    if let Value::Object(fields) = &mut value {
        fields.remove("sealed");
        fields.remove("hash");
    }
    Ok(value)
}

fn flatten(path: String, value: &Value, rows: &mut Vec<[String; 2]>) {
    let inner = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(inner(key), value, rows)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(place, item)| flatten(format!("{path}[{place}]"), item, rows));
        }
        Value::Array(items) => rows.push([path, items.iter().map(plain).collect::<Vec<_>>().join(" ")]),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => rows.push([path, plain(value)]),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Asks, where there is somebody to ask.
pub(crate) fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The section of configuration files that holds a kind.
pub(crate) fn section(kind: ObjectKind) -> anyhow::Result<&'static str> {
    match kind {
        ObjectKind::Project => Ok("projects"),
        ObjectKind::Provider => Ok("providers"),
        ObjectKind::Model => Ok("models"),
        ObjectKind::Scorecard => Ok("scorecards"),
        ObjectKind::Blend => Ok("blends"),
        ObjectKind::Policy => Ok("policies"),
        ObjectKind::Router => Ok("routers"),
        ObjectKind::Key => Ok("keys"),
        ObjectKind::Pepper | ObjectKind::Organisation | ObjectKind::Credential => {
            bail!("a {kind} has no section of its own in a configuration file")
        }
    }
}

/// Reads a file of one section, or standard input.
pub(crate) fn load(file: &Path, section: &str) -> anyhow::Result<Loaded> {
    let secrets = Secrets::Resolve(&ProcessEnv);
    let loaded = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        config::parse_section(&text, format_of(&text), "-", section, secrets)
    } else {
        config::load_section(file, section, secrets)
    };
    Ok(loaded.map_err(|faults| UsageError(faults.to_string()))?)
}

/// Standard input has no name that tells: TOML sets with `=`, or opens a table.
fn format_of(text: &str) -> Format {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let key_ends = first.find(['=', ':']).map(|at| &first[at..=at]);
    if first.starts_with('[') || key_ends == Some("=") { Format::Toml } else { Format::Yaml }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_of_standard_input_is_told_by_its_first_line() {
        for (text, expected) in [
            ("# x\nname = \"a\"", Format::Toml),
            ("[[models]]\nid = \"a/b\"", Format::Toml),
            ("base_url = \"http://x\"", Format::Toml),
            ("base_url: http://x?a=b", Format::Yaml),
            ("{\"name\": \"a=b\"}", Format::Yaml),
            ("", Format::Yaml),
        ] {
            assert_eq!(format_of(text), expected, "{text}");
        }
    }

    #[test]
    fn fields_are_told_by_their_paths() {
        let mut rows = Vec::new();
        flatten(String::new(), &json!({"a": null, "b": {"c": [1, 2]}, "d": [{"e": "x"}]}), &mut rows);
        assert_eq!(rows, [["b.c", "1 2"], ["d[0].e", "x"]].map(|row| row.map(str::to_owned)));
    }
}
