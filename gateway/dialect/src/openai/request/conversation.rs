//! The `messages` of a request: their shape, their size, and where the scorer finds its text.

use std::borrow::Cow;

use crate::json::{Kind, Path, Scanner};
use crate::request::{BadRequest, ScorerText, Speaker, TOKENS_PER_IMAGE, TOKENS_PER_MESSAGE, Turn, read};
use domain::tokens::TokenEstimator;

/// What was found in the messages.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Text of messages, and of tools, which the reader of the top level adds.
    pub(super) text: TokenEstimator,
    pub(super) turns: u32,
    /// Bytes of system text as sent, escapes included.
    pub(super) system_bytes: u64,
    pub(super) images: u64,
    pub(super) has_audio: bool,
    pub(super) has_files: bool,
    pub(super) scorer_text: ScorerText,
}

/// One message on its way into the conversation.
#[derive(Default)]
struct Message {
    speaker: Option<Speaker>,
    turn: Turn,
    text_bytes: u64,
}

impl Conversation {
    /// Reads the `messages` array.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        const EXPECTED: &str = "an array of messages";
        if !read::is_present(scanner, path, Kind::Array, EXPECTED)? {
            return Err(BadRequest::wrong_type(path, EXPECTED, Kind::Null));
        }
        let mut elements = scanner.enter_array()?;
        while scanner.next_element(&mut elements)? {
            self.read_message(scanner, &path.index(self.turns as usize))?;
            self.turns += 1;
        }
        if self.turns == 0 {
            return Err(BadRequest::invalid(path, "must hold at least one message"));
        }
        Ok(())
    }

    /// The estimate of everything the model will read.
    pub(super) fn input_tokens(&self) -> u64 {
        self.text.tokens() + self.images * TOKENS_PER_IMAGE + u64::from(self.turns) * TOKENS_PER_MESSAGE
    }

    fn read_message(&mut self, scanner: &mut Scanner<'_>, path: &Path<'_>) -> Result<(), BadRequest> {
        if scanner.peek()? != Kind::Object {
            return Err(BadRequest::wrong_type(path, "a message object", scanner.peek()?));
        }
        let mut message = Message::default();
        let mut members = scanner.enter_object()?;
        while let Some(key) = scanner.next_key(&mut members)? {
            match &*scanner.decode(&key) {
                "role" => {
                    let role = read::required_string(scanner, &path.key("role"))?;
                    message.speaker = Some(speaker(&role));
                }
                "content" => self.read_content(scanner, &path.key("content"), &mut message)?,
                "name" | "refusal" | "reasoning" | "reasoning_content" | "tool_calls" | "function_call" => {
                    self.count_value(scanner)?;
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        let Some(speaker) = message.speaker else {
            return Err(BadRequest::missing(&path.key("role"), "a string such as `user`"));
        };
        if speaker == Speaker::System {
            self.system_bytes += message.text_bytes;
        }
        self.scorer_text.push(speaker, message.turn);
        Ok(())
    }

    fn read_content(
        &mut self,
        scanner: &mut Scanner<'_>,
        path: &Path<'_>,
        message: &mut Message,
    ) -> Result<(), BadRequest> {
        match scanner.peek()? {
            Kind::String => self.read_text(scanner, message),
            Kind::Array => self.read_parts(scanner, path, message),
            Kind::Null => {
                scanner.skip()?;
                Ok(())
            }
            found => Err(BadRequest::wrong_type(path, "a string, an array of parts or null", found)),
        }
    }

    fn read_parts(
        &mut self,
        scanner: &mut Scanner<'_>,
        path: &Path<'_>,
        message: &mut Message,
    ) -> Result<(), BadRequest> {
        let mut index = 0;
        let mut elements = scanner.enter_array()?;
        while scanner.next_element(&mut elements)? {
            self.read_part(scanner, &path.index(index), message)?;
            index += 1;
        }
        Ok(())
    }

    fn read_part(
        &mut self,
        scanner: &mut Scanner<'_>,
        path: &Path<'_>,
        message: &mut Message,
    ) -> Result<(), BadRequest> {
        if scanner.peek()? != Kind::Object {
            return Err(BadRequest::wrong_type(path, "a content part object", scanner.peek()?));
        }
        let mut kind: Option<Cow<'_, str>> = None;
        let mut members = scanner.enter_object()?;
        while let Some(key) = scanner.next_key(&mut members)? {
            match &*scanner.decode(&key) {
                "type" => kind = Some(read::required_string(scanner, &path.key("type"))?),
                "text" => match scanner.peek()? {
                    Kind::String => self.read_text(scanner, message)?,
                    found => return Err(BadRequest::wrong_type(&path.key("text"), "a string", found)),
                },
                "refusal" => self.count_value(scanner)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
        match kind.as_deref() {
            Some("image_url" | "input_image" | "image") => self.images += 1,
            Some("input_audio" | "audio" | "audio_url") => self.has_audio = true,
            Some("file" | "input_file" | "document") => self.has_files = true,
            Some(_) => {}
            None => return Err(BadRequest::missing(&path.key("type"), "a string such as `text`")),
        }
        Ok(())
    }

    fn read_text(&mut self, scanner: &mut Scanner<'_>, message: &mut Message) -> Result<(), BadRequest> {
        let text = scanner.string()?;
        self.text += text.count;
        message.text_bytes += text.span.len() as u64;
        message.turn.push(text.span);
        Ok(())
    }

    /// Counts a value that the model reads but we do not: a string by its characters, anything else as JSON text.
    fn count_value(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadRequest> {
        match scanner.peek()? {
            Kind::String => self.text += scanner.string()?.count,
            Kind::Null => {
                scanner.skip()?;
            }
            _ => self.text += scanner.skip()?.count,
        }
        Ok(())
    }
}

fn speaker(role: &str) -> Speaker {
    match role {
        "system" | "developer" => Speaker::System,
        "user" => Speaker::User,
        _ => Speaker::Other,
    }
}
