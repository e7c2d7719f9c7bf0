//! A stream that stays in the dialect: events pass as they came, with the model renamed wherever the response stands.

use bytes::BytesMut;

use crate::json::{Edit, Escapes, Member, Scanner, members_of, quoted, splice, utf8};
use crate::openai::own_edits;
use crate::responses::usage;
use crate::sse::SseEvent;
use crate::stream::{Ending, StreamOptions, write_event};

/// Passes events on.
#[derive(Debug)]
pub(crate) struct Relay {
    /// The model that the caller sees, as JSON.
    model: Vec<u8>,
    /// Members of the first event; taken when it is written.
    opening: Vec<(String, Vec<u8>)>,
    /// The event that ends the answer: its name and data.
    held: Option<(Vec<u8>, Vec<u8>)>,
    /// The number after that of the last event.
    next_number: u64,
    /// Kept to be used again by every event.
    members: Vec<Member>,
}

/// Members of ours.
struct Own<'a> {
    /// Names and JSON texts, for the event and its response.
    routing: &'a [(&'a str, &'a [u8])],
    /// The usage, where the upstream told none.
    usage: Option<&'a [u8]>,
}

impl Relay {
    pub(crate) fn new(options: StreamOptions) -> Self {
        Self {
            model: quoted(&options.model),
            opening: options.opening_routing,
            held: None,
            next_number: 0,
            members: Vec::with_capacity(8),
        }
    }

    /// Writes an event with members of ours in it and in its response.
    fn write(&mut self, name: &[u8], data: &[u8], own: &Own<'_>, out: &mut BytesMut) {
        let mut members = std::mem::take(&mut self.members);
        members.clear();
        if scan(data, &mut members).is_some() {
            let number = members.iter().find(|member| member.is_named(data, "sequence_number"));
            let number = number.and_then(|member| utf8(member.value.of(data)).parse::<u64>().ok());
            self.next_number = number.unwrap_or(self.next_number).saturating_add(1);
            let response = members.iter().find(|member| member.is_named(data, "response"));
            let response = response.and_then(|member| self.response(member.value.of(data), own));
            let mut edits: Vec<Edit<'_>> = own_edits(own.routing).collect();
            edits.extend(response.as_deref().map(|response| Edit::set("response", response)));
            let mut event = Vec::with_capacity(data.len() + 256);
            splice(data, &members, &edits, &mut event);
            write_event(Some(utf8(name)).filter(|name| !name.is_empty()), &event, out);
        }
        self.members = members;
    }

    /// The response renamed; `None` = it is no object.
    fn response(&self, response: &[u8], own: &Own<'_>) -> Option<Vec<u8>> {
        let mut members = Vec::new();
        scan(response, &mut members)?;
        let mut edits = vec![Edit::set("model", &self.model)];
        edits.extend(own_edits(own.routing));
        let tells_usage = |member: &Member| member.is_named(response, "usage") && member.value.of(response) != b"null";
        let supplied = own.usage.filter(|_| !members.iter().any(tells_usage));
        edits.extend(supplied.map(|usage| Edit::set("usage", usage)));
        let mut renamed = Vec::with_capacity(response.len() + 256);
        splice(response, &members, &edits, &mut renamed);
        Some(renamed)
    }

    /// The type of an event, which its name repeats.
    fn ends_answer(&mut self, data: &[u8]) -> bool {
        let mut members = std::mem::take(&mut self.members);
        members.clear();
        let kind = scan(data, &mut members)
            .and_then(|()| members.iter().find(|member| member.is_named(data, "type")))
            .map(|member| member.value.of(data));
        let ends =
            matches!(kind, Some(br#""response.completed""# | br#""response.incomplete""# | br#""response.done""#));
        self.members = members;
        ends
    }
}

/// Finds the members of an object; `None` = it is none, as of a mere `[DONE]`.
fn scan(data: &[u8], members: &mut Vec<Member>) -> Option<()> {
    members_of(&mut Scanner::new(utf8(data), Escapes::Lenient), members).ok()
}

impl crate::stream::Relay for Relay {
    fn event(&mut self, event: SseEvent<'_>, out: &mut BytesMut) {
        if self.ends_answer(event.data) {
            self.held = Some((event.name.to_vec(), event.data.to_vec()));
            return;
        }
        let opening = std::mem::take(&mut self.opening);
        let own: Vec<_> = opening.iter().map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        self.write(event.name, event.data, &Own { routing: &own, usage: None }, out);
    }

    fn next_number(&self) -> u64 {
        self.next_number
    }

    fn close(&mut self, ending: &Ending<'_>, out: &mut BytesMut) {
        let Some((name, data)) = self.held.take() else { return };
        // A stream of this event alone carries both; what is known at the end goes before what was known at the start.
        let opening = std::mem::take(&mut self.opening);
        let is_known = |name: &String| ending.routing.iter().any(|(closing, _)| closing == name);
        let opening = opening.iter().filter(|(name, _)| !is_known(name));
        let mut own: Vec<_> = opening.map(|(name, json)| (name.as_str(), json.as_slice())).collect();
        own.extend_from_slice(ending.routing);
        let usage = ending.usage.map(usage::json);
        self.write(&name, &data, &Own { routing: &own, usage: usage.as_deref() }, out);
    }
}
