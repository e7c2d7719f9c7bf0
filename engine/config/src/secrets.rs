//! Where secrets come from: the operator's environment, a file, or (with a warning) the configuration itself.

use std::io;
use std::path::Path;

use domain::SecretText;

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::Value;
use crate::readers;

/// No provider's secret is longer; stops a wrong path from being read whole.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// What surrounds the process that reads the file.
pub trait Env {
    /// An environment variable, if it is set.
    fn variable(&self, name: &str) -> Option<String>;
    /// The text of a file.
    fn read_file(&self, path: &Path) -> io::Result<String>;
}

/// The environment and files of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &Path) -> io::Result<String> {
        let bytes = crate::read_bounded(path, MAX_SECRET_BYTES + 1)?;
        let invalid = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message);
        if bytes.len() as u64 > MAX_SECRET_BYTES {
            return Err(invalid("larger than 64 KiB, so not a secret"));
        }
        String::from_utf8(bytes).map_err(|_| invalid("not UTF-8"))
    }
}

/// What to do with `secret_env` and `secret_file`.
#[derive(Clone, Copy)]
pub enum Secrets<'a> {
    /// Read them.
    Resolve(&'a dyn Env),
    /// Read nothing and put a placeholder in their place: for checks and explanations without the operator's
    /// environment.
    Placeholder,
}

/// What a table says about its secret.
pub(crate) enum Found<'a> {
    Absent,
    /// Noted as a fault.
    Faulty,
    /// The secret, and the item that gives it.
    Secret(SecretText, Item<'a>),
}

/// Reads `secret_env`, `secret_file` or `secret`; two of them are a fault.
pub(crate) fn read<'a>(fields: &mut Fields<'a>, context: &mut Context<'_>) -> Found<'a> {
    let sources: [(&'static str, Source); 3] =
        [("secret_env", from_variable), ("secret_file", from_file), ("secret", from_text)];
    let given: Vec<_> =
        sources.into_iter().filter_map(|(key, source)| Some((key, source, fields.take(key)?))).collect();
    match given.as_slice() {
        [] => Found::Absent,
        [(_, source, item)] => match source(item, context).and_then(|secret| sendable(secret, item, context)) {
            Some(secret) => Found::Secret(SecretText::new(secret), item.clone()),
            None => Found::Faulty,
        },
        [(first, ..), (second, _, item), ..] => {
            item.fault::<()>(context, format!("`{first}` and `{second}` are both given: keep one"));
            Found::Faulty
        }
    }
}

type Source = fn(&Item<'_>, &mut Context<'_>) -> Option<String>;

fn from_variable(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let name = readers::text(item, context)?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) || !name.chars().all(allowed) {
        // Not echoed: people put the secret itself here.
        return item.fault(context, "takes the name of an environment variable, such as \"ACME_KEY\", not the secret");
    }
    let Secrets::Resolve(env) = context.secrets else {
        return Some(placeholder(item));
    };
    match env.variable(&name) {
        None => item.fault(
            context,
            format!("environment variable `{name}` is not set: run `export {name}=…` first, or use secret_file"),
        ),
        Some(value) if value.trim().is_empty() => {
            item.fault(context, format!("environment variable `{name}` is empty: put the secret into it"))
        }
        Some(value) => Some(value.trim().to_owned()),
    }
}

fn from_file(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let path = readers::text(item, context)?;
    if path.is_empty() {
        return item.fault(context, "is empty: write the path of the file that holds the secret");
    }
    let Secrets::Resolve(env) = context.secrets else {
        return Some(placeholder(item));
    };
    match env.read_file(&context.folder.join(&path)) {
        Err(error) => {
            item.fault(context, format!("`{path}` cannot be read ({error}): check the path and its permissions"))
        }
        Ok(value) if value.trim().is_empty() => {
            item.fault(context, format!("`{path}` is empty: put the secret into it"))
        }
        Ok(value) => Some(value.trim().to_owned()),
    }
}

fn from_text(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let secret = match &item.node.value {
        Value::Text(secret) => secret.trim().to_owned(),
        _ => return item.wrong_kind(context, "a secret in quotes"),
    };
    if secret.is_empty() {
        return item.fault(context, "is empty: use secret_env to name the environment variable that holds it");
    }
    context.warn(
        &item.path,
        item.node.spot,
        "a secret in the file is read by whoever reads the file: use secret_env or secret_file",
    );
    Some(secret)
}

/// Secrets travel in headers, so they are visible ASCII.
fn sendable(secret: String, item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    if secret.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Some(secret);
    }
    item.fault(context, "the secret has a line break or a character outside ASCII: check that it was copied whole")
}

/// Different for each place, so that it collides with no other, and long enough for a key.
fn placeholder(item: &Item<'_>) -> String {
    format!("placeholder-instead-of-the-secret-of-{}", item.path)
}
