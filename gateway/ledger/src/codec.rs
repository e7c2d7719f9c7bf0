//! The payload of a spool record: start and end of a request as bytes, and back.
//!
//! Lean binary for what becomes a column, so that the drain copies instead of parsing; one JSON text for the rest, made
//! once on the hot path and stored unchanged as the row's `detail`. (All-JSON costs about the same to write but would
//! have to be parsed and written a second time per row.)

mod detail;

use domain::clock::Timestamp;
use domain::{Finished, KeyId, Money, OrganisationId, ProjectId, RequestId, Started, Surface, Tag};

pub(crate) use detail::Detail;

/// The first byte of every payload. The second version added, at the end of what the first one had, user and endpoint
/// to starts and labels to ends.
const VERSION: u8 = 2;
/// Versions that are still read.
const READ: std::ops::RangeInclusive<u8> = 1..=VERSION;
/// Labels beyond these have no index: they stand in the detail all the same. Body and header may bring 64 each.
const MAX_TAGS: usize = 128;
/// Texts that a caller or an upstream chose are cut here; ids are shorter by construction.
const MAX_TEXT: usize = 512;
/// A larger end record is written without its decision, arguments and attempts.
pub(crate) const MAX_PAYLOAD: usize = 1 << 20;
/// The length that says "no text".
const NO_TEXT: u16 = u16::MAX;
/// The number that says "no number".
const NO_NUMBER: i64 = i64::MIN;

/// A payload that this version cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record's payload is malformed or of another version")]
pub(crate) struct Unreadable;

/// An end record as the database wants it, borrowed from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndView<'a> {
    pub(crate) request: [u8; 16],
    pub(crate) at: i64,
    pub(crate) organisation: &'a str,
    pub(crate) key: &'a str,
    pub(crate) project: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) policy: Option<&'a str>,
    pub(crate) outcome: u8,
    pub(crate) status: u16,
    pub(crate) prompt_tokens: Option<i64>,
    pub(crate) completion_tokens: Option<i64>,
    pub(crate) cost: Option<i64>,
    pub(crate) saved: Option<i64>,
    pub(crate) total_micros: i64,
    pub(crate) first_token_micros: Option<i64>,
    /// Names and values.
    pub(crate) tags: Vec<(&'a str, &'a str)>,
    pub(crate) detail: &'a [u8],
}

/// Appends a start record's payload.
pub(crate) fn encode_start(started: &Started, out: &mut Vec<u8>) {
    put_common(started, out);
    put_text(started.requested_model.as_deref(), out);
    out.push(u8::from(started.stream));
    put_text(started.user.as_deref(), out);
    out.push(started.endpoint as u8);
}

/// Appends an end record's payload; past `MAX_PAYLOAD` without decision, arguments and attempts, which the detail then says.
pub(crate) fn encode_end(finished: &Finished, out: &mut Vec<u8>) {
    let begin = out.len();
    put_common(&finished.started, out);
    put_text(finished.model.as_ref().map(AsRef::as_ref), out);
    put_text(finished.policy.as_ref().map(AsRef::as_ref), out);
    out.push(finished.outcome as u8);
    out.extend_from_slice(&finished.status.to_le_bytes());
    put_number(finished.usage.map(|usage| clamp(usage.prompt_tokens)), out);
    put_number(finished.usage.map(|usage| clamp(usage.completion_tokens)), out);
    put_number(finished.cost.map(money_column), out);
    put_number(finished.saved.map(money_column), out);
    put_number(Some(clamp(finished.total_micros)), out);
    put_number(finished.first_token_micros.map(clamp), out);
    put_tags(&finished.tags, out);
    let columns = out.len();
    Detail::write(finished, true, out);
    if out.len() - begin > MAX_PAYLOAD {
        out.truncate(columns);
        Detail::write(finished, false, out);
    }
}

/// Reads whose record a payload is.
pub(crate) fn request_of(payload: &[u8]) -> Result<[u8; 16], Unreadable> {
    let mut bytes = Bytes(payload);
    bytes.version()?;
    bytes.array()
}

/// Reads a start record.
pub(crate) fn decode_start(payload: &[u8]) -> Result<Started, Unreadable> {
    let mut bytes = Bytes(payload);
    let common = bytes.common()?;
    let requested_model = bytes.text()?.map(str::to_owned);
    let stream = bytes.array::<1>()? == [1];
    let (user, endpoint) = match common.version {
        1 => (None, Surface::default()),
        _ => (bytes.text()?.map(str::to_owned), bytes.surface()?),
    };
    Ok(Started {
        id: RequestId::from_value(u128::from_be_bytes(common.request)),
        at: Timestamp(common.at),
        organisation: OrganisationId::parse(common.organisation).map_err(|_| Unreadable)?,
        key: KeyId::parse(common.key).map_err(|_| Unreadable)?,
        project: common.project.map(ProjectId::parse).transpose().map_err(|_| Unreadable)?,
        requested_model,
        stream,
        user,
        endpoint,
    })
}

/// Reads an end record.
pub(crate) fn decode_end(payload: &[u8]) -> Result<EndView<'_>, Unreadable> {
    let mut bytes = Bytes(payload);
    let common = bytes.common()?;
    Ok(EndView {
        request: common.request,
        at: common.at,
        organisation: common.organisation,
        key: common.key,
        project: common.project,
        model: bytes.text()?,
        policy: bytes.text()?,
        outcome: bytes.array::<1>()?[0],
        status: u16::from_le_bytes(bytes.array()?),
        prompt_tokens: bytes.number()?,
        completion_tokens: bytes.number()?,
        cost: bytes.number()?,
        saved: bytes.number()?,
        total_micros: bytes.number()?.ok_or(Unreadable)?,
        first_token_micros: bytes.number()?,
        tags: if common.version == 1 { Vec::new() } else { bytes.tags()? },
        detail: bytes.0,
    })
}

/// A count as a column; past 9·10¹⁸ the exact one stands in the detail, if anywhere.
fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An amount as a column; past 9.2 million dollars the exact one stands in the detail.
fn money_column(amount: Money) -> i64 {
    amount.column().unwrap_or(if amount.pico() < 0 { -i64::MAX } else { i64::MAX })
}

/// Cuts a text that others chose.
pub(crate) fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

fn put_common(started: &Started, out: &mut Vec<u8>) {
    out.push(VERSION);
    out.extend_from_slice(&started.id.value().to_be_bytes());
    out.extend_from_slice(&started.at.unix_micros().to_le_bytes());
    put_text(Some(started.organisation.as_str()), out);
    put_text(Some(started.key.as_str()), out);
    put_text(started.project.as_ref().map(AsRef::as_ref), out);
}

fn put_text(text: Option<&str>, out: &mut Vec<u8>) {
    let Some(text) = text.map(clip) else {
        out.extend_from_slice(&NO_TEXT.to_le_bytes());
        return;
    };
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_tags(tags: &[Tag], out: &mut Vec<u8>) {
    let tags = &tags[..tags.len().min(MAX_TAGS)];
    out.push(tags.len() as u8);
    for tag in tags {
        put_text(Some(&tag.key), out);
        put_text(Some(&tag.value), out);
    }
}

fn put_number(number: Option<i64>, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.unwrap_or(NO_NUMBER).to_le_bytes());
}

/// What both kinds of record begin with.
struct Common<'a> {
    version: u8,
    request: [u8; 16],
    at: i64,
    organisation: &'a str,
    key: &'a str,
    project: Option<&'a str>,
}

/// The bytes not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.take(N)?.try_into().map_err(|_| Unreadable)
    }

    fn version(&mut self) -> Result<u8, Unreadable> {
        let [version] = self.array()?;
        if READ.contains(&version) { Ok(version) } else { Err(Unreadable) }
    }

    fn surface(&mut self) -> Result<Surface, Unreadable> {
        let [code] = self.array()?;
        Surface::ALL.get(usize::from(code)).copied().ok_or(Unreadable)
    }

    fn tags(&mut self) -> Result<Vec<(&'a str, &'a str)>, Unreadable> {
        let [count] = self.array()?;
        let mut tag = || Ok((self.text()?.ok_or(Unreadable)?, self.text()?.ok_or(Unreadable)?));
        (0..count).map(|_| tag()).collect()
    }

    fn number(&mut self) -> Result<Option<i64>, Unreadable> {
        let number = i64::from_le_bytes(self.array()?);
        Ok((number != NO_NUMBER).then_some(number))
    }

    fn text(&mut self) -> Result<Option<&'a str>, Unreadable> {
        let length = u16::from_le_bytes(self.array()?);
        if length == NO_TEXT {
            return Ok(None);
        }
        std::str::from_utf8(self.take(usize::from(length))?).map(Some).map_err(|_| Unreadable)
    }

    fn common(&mut self) -> Result<Common<'a>, Unreadable> {
        Ok(Common {
            version: self.version()?,
            request: self.array()?,
            at: i64::from_le_bytes(self.array()?),
            organisation: self.text()?.ok_or(Unreadable)?,
            key: self.text()?.ok_or(Unreadable)?,
            project: self.text()?,
        })
    }
}
