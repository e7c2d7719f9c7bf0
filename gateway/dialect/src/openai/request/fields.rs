//! The top level of a request, read in one pass: every member once, in the order it came.

use bytes::Bytes;
use domain::{Features, OutputFormat};

use super::ChatRequest;
use super::conversation::Conversation;
use crate::json::{Escapes, Kind, Member, Path, Scanner, Span};
use crate::request::{BadRequest, Envelope, Extensions, ParameterSet, extensions, read};

/// Fields we act on. Some servers match keys without regard to case, so that `Model` would undo our `model`.
const GUARDED: [&str; 8] =
    ["max_completion_tokens", "max_tokens", "messages", "model", "n", "stream", "stream_options", "tools"];

/// Most answers of one request.
const MAX_ANSWERS: u64 = 128;

/// The members read so far.
#[derive(Default)]
pub(super) struct Fields {
    members: Vec<Member>,
    own_members: Vec<&'static str>,
    model: Option<String>,
    stream: bool,
    include_usage: bool,
    stream_options: Option<Span>,
    n: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_tokens: Option<u64>,
    conversation: Option<Conversation>,
    tools: ToolNeeds,
    tool_text: crate::TokenEstimator,
    output_format: OutputFormat,
    parameters: ParameterSet,
    extensions: Extensions,
}

/// What a request wants of tools.
#[derive(Default)]
struct ToolNeeds {
    offered: bool,
    forced: bool,
}

/// Reads a whole body.
pub(super) fn read(text: &str) -> Result<Fields, BadRequest> {
    let mut scanner = Scanner::new(text, Escapes::Strict);
    if scanner.peek()? != Kind::Object {
        let found = scanner.peek()?.as_str();
        scanner.skip()?;
        scanner.finish()?;
        let message = format!("the body must be a JSON object, not {found}");
        return Err(BadRequest { message, param: None, code: "invalid_type" });
    }
    let mut fields = Fields { members: Vec::with_capacity(16), ..Fields::default() };
    read::object(&mut scanner, &Path::Root, |scanner, key, name, path| {
        scanner.peek()?;
        let start = scanner.position();
        fields.read_member(scanner, name, path)?;
        let value = Span { start, end: scanner.position() };
        fields.parameters.note(name, scanner.slice(value));
        fields.members.push(Member { key: key.span, escaped: key.escaped, value });
        Ok(())
    })?;
    scanner.finish()?;
    if fields.conversation.is_none() {
        return Err(BadRequest::missing(&Path::top("messages"), "an array of messages"));
    }
    Ok(fields)
}

impl Fields {
    /// Completes the request.
    pub(super) fn into_request(self, body: Bytes) -> ChatRequest {
        let mut conversation = self.conversation.unwrap_or_default();
        conversation.text += self.tool_text;
        let features = Features {
            input_tokens: conversation.input_tokens(),
            max_output_tokens: self.max_completion_tokens.or(self.max_tokens),
            stream: self.stream,
            has_tools: self.tools.offered,
            forces_tool: self.tools.forced,
            has_images: conversation.images > 0,
            has_audio: conversation.has_audio,
            has_files: conversation.has_files,
            output_format: self.output_format,
            turns: conversation.turns,
            system_bytes: conversation.system_bytes,
            parameters: self.parameters.names(),
        };
        ChatRequest {
            envelope: Envelope {
                body,
                members: self.members,
                model: self.model,
                features,
                extensions: self.extensions,
                kept: None,
                continued: None,
                own_members: self.own_members,
            },
            n: self.n.unwrap_or(1),
            include_usage: self.include_usage,
            stream_options: self.stream_options,
            scorer_text: conversation.scorer_text,
        }
    }

    fn read_member(&mut self, scanner: &mut Scanner<'_>, name: &str, path: &Path<'_>) -> Result<(), BadRequest> {
        match name {
            "model" => self.model = read::string(scanner, path)?.filter(|model| !model.is_empty()).map(Into::into),
            "messages" => self.conversation.insert(Conversation::default()).read(scanner, path)?,
            "stream" => self.stream = read::boolean(scanner, path)?.unwrap_or(false),
            "stream_options" => self.read_stream_options(scanner, path)?,
            "n" => self.n = answers(scanner, path)?,
            "max_completion_tokens" => self.max_completion_tokens = limit(scanner, path)?,
            "max_tokens" => self.max_tokens = limit(scanner, path)?,
            "tools" | "functions" => self.read_tools(scanner, path)?,
            "tool_choice" | "function_call" => self.tools.forced |= forces_tool(scanner, path)?,
            "response_format" => self.output_format = output_format(scanner, path)?,
            _ => self.read_other(scanner, name, path)?,
        }
        Ok(())
    }

    fn read_other(&mut self, scanner: &mut Scanner<'_>, name: &str, path: &Path<'_>) -> Result<(), BadRequest> {
        if let Some(own) = extensions::NAMES.into_iter().find(|own| *own == name) {
            self.own_members.push(own);
            return self.extensions.read(scanner, own, path);
        }
        extensions::refuse_policy(name, path)?;
        if let Some(field) = GUARDED.into_iter().find(|field| field.eq_ignore_ascii_case(name)) {
            return Err(BadRequest::at(path, "unknown_field", &format!("is not a field; write it `{field}`")));
        }
        scanner.skip()?;
        Ok(())
    }

    fn read_stream_options(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        if !read::is_present(scanner, path, Kind::Object, "an object")? {
            return Ok(());
        }
        let start = scanner.position();
        read::object(scanner, path, |scanner, _, name, here| {
            if name == "include_usage" {
                self.include_usage = read::boolean(scanner, here)?.unwrap_or(false);
                return Ok(());
            }
            scanner.skip()?;
            Ok(())
        })?;
        self.stream_options = Some(Span { start, end: scanner.position() });
        Ok(())
    }

    fn read_tools(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        if !read::is_present(scanner, path, Kind::Array, "an array of tools")? {
            return Ok(());
        }
        let mut index = 0;
        let mut elements = scanner.enter_array()?;
        while scanner.next_element(&mut elements)? {
            let found = scanner.peek()?;
            if found != Kind::Object {
                return Err(BadRequest::wrong_type(&path.index(index), "a tool object", found));
            }
            self.tool_text += scanner.skip()?.count;
            index += 1;
        }
        self.tools.offered |= index > 0;
        Ok(())
    }
}

fn answers(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<u64>, BadRequest> {
    let n = read::unsigned(scanner, path)?;
    if n.is_some_and(|n| !(1..=MAX_ANSWERS).contains(&n)) {
        return Err(BadRequest::invalid(path, "must be from 1 to 128"));
    }
    Ok(n)
}

fn limit(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<Option<u64>, BadRequest> {
    let limit = read::unsigned(scanner, path)?;
    if limit == Some(0) {
        return Err(BadRequest::invalid(path, "must be at least 1"));
    }
    Ok(limit)
}

/// Whether a `tool_choice` or `function_call` demands a call: `required`, a choice by name, or a required choice among
/// some.
fn forces_tool(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<bool, BadRequest> {
    match scanner.peek()? {
        Kind::String => Ok(matches!(&*read::required_string(scanner, path)?, "required" | "any")),
        Kind::Object => {
            let mut choice = Choice::default();
            choice.read(scanner, path)?;
            Ok(choice.forces())
        }
        Kind::Null => {
            scanner.skip()?;
            Ok(false)
        }
        found => Err(BadRequest::wrong_type(path, "a string or an object", found)),
    }
}

/// The object form of a `tool_choice`.
#[derive(Default)]
struct Choice {
    kind: Option<String>,
    mode: Option<String>,
}

impl Choice {
    fn read(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        read::object(scanner, path, |scanner, _, name, here| {
            match name {
                "type" => self.kind = read::string(scanner, here)?.map(Into::into),
                "mode" => self.mode = read::string(scanner, here)?.map(Into::into),
                "allowed_tools" if scanner.peek()? == Kind::Object => self.read_allowed(scanner, here)?,
                _ => {
                    scanner.skip()?;
                }
            }
            Ok(())
        })
    }

    fn read_allowed(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        read::object(scanner, path, |scanner, _, name, here| {
            match name {
                "mode" => self.mode = read::string(scanner, here)?.map(Into::into),
                _ => {
                    scanner.skip()?;
                }
            }
            Ok(())
        })
    }

    fn forces(&self) -> bool {
        match self.kind.as_deref() {
            Some("auto" | "none") => false,
            Some("allowed_tools") => self.mode.as_deref() == Some("required"),
            _ => true,
        }
    }
}

fn output_format(scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<OutputFormat, BadRequest> {
    if !read::is_present(scanner, path, Kind::Object, "an object")? {
        return Ok(OutputFormat::Text);
    }
    let mut kind = None;
    read::object(scanner, path, |scanner, _, name, here| {
        match name {
            "type" => kind = Some(read::required_string(scanner, here)?.into_owned()),
            _ => {
                scanner.skip()?;
            }
        }
        Ok(())
    })?;
    match kind.as_deref() {
        Some("json_object") => Ok(OutputFormat::JsonObject),
        Some("json_schema") => Ok(OutputFormat::JsonSchema),
        // A vendor's own format, such as a grammar, is the upstream's to judge.
        Some(_) => Ok(OutputFormat::Text),
        None => Err(BadRequest::missing(&path.key("type"), "`text`, `json_object` or `json_schema`")),
    }
}
