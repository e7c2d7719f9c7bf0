//! A stream that stays in the dialect: every event as it came, but for the model's name and our own members.

use bytes::BytesMut;

use super::stream::write_end;
use super::types::Stop;
use crate::canonical::StopReason;
use crate::json::{Edit, Escapes, Member, Node, Scanner, members_of, quoted, splice, utf8};
use crate::openai::own_edits;
use crate::sse::SseEvent;
use crate::stream::{Ending, StreamOptions, write_event};

/// Passes events on.
#[derive(Debug)]
pub(crate) struct Relay {
    /// The model's name, as JSON.
    model: Vec<u8>,
    /// Members of `message_start`.
    opening: Vec<(String, Vec<u8>)>,
    /// The last `message_delta`: it may end the answer.
    delta: Option<Vec<u8>>,
    /// `message_stop` as it came.
    stop: Option<Vec<u8>>,
}

impl Relay {
    pub(crate) fn new(options: StreamOptions) -> Self {
        Self { model: quoted(&options.model), opening: options.opening_routing, delta: None, stop: None }
    }

    fn start(&self, event: &Node<'_>, out: &mut BytesMut) {
        let routing: Vec<_> = self.opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        let message = event.get("message").map(|message| {
            let mut edits = vec![Edit::set("model", &self.model)];
            edits.extend(own_edits(&routing));
            edited(message.raw, &edits)
        });
        let mut edits: Vec<_> = message.iter().map(|message| Edit::set("message", message)).collect();
        edits.extend(own_edits(&routing));
        write_event(Some("message_start"), &edited(event.raw, &edits), out);
    }

    /// Passes on a `message_delta` that did not end the answer after all.
    fn flush(&mut self, out: &mut BytesMut) {
        if let Some(delta) = self.delta.take() {
            write_event(Some("message_delta"), &edited(utf8(&delta), &own_edits(&[]).collect::<Vec<_>>()), out);
        }
    }
}

impl crate::stream::Relay for Relay {
    fn event(&mut self, event: SseEvent<'_>, out: &mut BytesMut) {
        if self.delta.is_none() && is_plain_delta(event) {
            return write_event(Some(DELTA), event.data, out);
        }
        let text = utf8(event.data);
        let Ok(node) = Node::parse(text, Escapes::Lenient) else { return };
        let name = utf8(event.name);
        match node.str_of("type").unwrap_or(name) {
            "message_start" => self.start(&node, out),
            "message_delta" => {
                self.flush(out);
                self.delta = Some(event.data.to_vec());
            }
            "message_stop" => self.stop = Some(event.data.to_vec()),
            kind => {
                self.flush(out);
                // A name is a line; what it says inside the data may be anything.
                let name = if name.is_empty() { kind } else { name };
                write_event(Some(name).filter(|name| !name.contains(['\n', '\r'])), event.data, out);
            }
        }
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        let Some(delta) = self.delta.take() else {
            // Something came behind the event that said why, which went on before that.
            let reason = ending.finishes.first().map_or(&StopReason::Stop, |(_, reason)| reason);
            return write_end(&Stop::of(reason, false, false), ending, out);
        };
        let edits: Vec<_> = own_edits(ending.routing).collect();
        write_event(Some("message_delta"), &edited(utf8(&delta), &edits), out);
        let stop = self.stop.take().unwrap_or_else(|| br#"{"type":"message_stop"}"#.to_vec());
        write_event(Some("message_stop"), &stop, out);
    }
}

const DELTA: &str = "content_block_delta";

/// Whether an event is what nearly all are, as nearly all servers write it: nothing in it is ours to change.
fn is_plain_delta(event: SseEvent<'_>) -> bool {
    event.name == DELTA.as_bytes() && event.data.starts_with(br#"{"type":"content_block_delta","#)
}

/// Edits the members of an object; anything else stays as it is.
fn edited(object: &str, edits: &[Edit<'_>]) -> Vec<u8> {
    let mut members: Vec<Member> = Vec::new();
    if members_of(&mut Scanner::new(object, Escapes::Lenient), &mut members).is_err() {
        return object.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(object.len() + 256);
    splice(object.as_bytes(), &members, edits, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, SseParser, StreamOptions, Translator};
    use bytes::BytesMut;

    const STREAM: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"native\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},",
        "\"usage\":{\"output_tokens\":3},\"dari_routing\":1}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );

    #[test]
    fn what_ends_the_answer_waits_for_the_close() {
        let options = StreamOptions {
            model: "shown/model".to_owned(),
            include_usage: true,
            opening_routing: vec![("routing".to_owned(), b"1".to_vec())],
            max_event_bytes: SseParser::DEFAULT_LIMIT,
            id: String::new(),
            created: 0,
            echo: crate::Echo::NONE,
        };
        let mut translator = Translator::new(Dialect::Anthropic, Dialect::Anthropic, options);
        let mut out = BytesMut::new();
        translator.push(STREAM.as_bytes(), &mut out).expect("sound events");
        let expected = concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"shown/model\",",
            "\"routing\":1},\"routing\":1}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
            "\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
        );
        assert_eq!(std::str::from_utf8(&out.split()), Ok(expected));
        assert!(translator.progress().terminal && translator.end().is_ok());
        translator.close(&[("routing", b"2")], &mut out);
        let expected = concat!(
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},",
            "\"usage\":{\"output_tokens\":3},\"routing\":2}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        );
        assert_eq!(std::str::from_utf8(&out), Ok(expected));
    }
}
