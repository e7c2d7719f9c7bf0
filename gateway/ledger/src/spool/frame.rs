//! One record on disk: `len u32 | crc u32 | kind u8 | sequence u64 | payload`, little-endian.
//!
//! The checksum is CRC-32 over payload, kind, sequence and the segment's salt. The salt is drawn when the segment is
//! made and known to nobody outside, so no caller can send a text that passes for a record after a damaged one.

use crc32fast::Hasher;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 17;
/// A larger length is damage, not a record.
pub(crate) const MAX_PAYLOAD: usize = 2 << 20;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request began.
    Start = 1,
    /// A request ended.
    End = 2,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Start),
            2 => Some(Self::End),
            _ => None,
        }
    }
}

/// A record that is complete but for its sequence: made outside the spool's lock.
pub(crate) struct Draft<'a> {
    buffer: &'a mut Vec<u8>,
    payload: Hasher,
}

impl<'a> Draft<'a> {
    /// Uses a buffer for a record whose payload `encode` appends.
    pub(crate) fn new(buffer: &'a mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) -> Self {
        buffer.clear();
        buffer.resize(HEADER, 0);
        encode(buffer);
        let mut payload = Hasher::new();
        payload.update(&buffer[HEADER..]);
        Self { buffer, payload }
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// Writes the header and returns the whole record.
    pub(crate) fn seal(&mut self, kind: Kind, sequence: u64, salt: u32) -> &[u8] {
        let length = (self.buffer.len() - HEADER) as u32;
        let checksum = finish(self.payload.clone(), kind as u8, sequence, salt);
        self.buffer[0..4].copy_from_slice(&length.to_le_bytes());
        self.buffer[4..8].copy_from_slice(&checksum.to_le_bytes());
        self.buffer[8] = kind as u8;
        self.buffer[9..17].copy_from_slice(&sequence.to_le_bytes());
        self.buffer
    }
}

/// A record read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) sequence: u64,
    pub(crate) payload: &'a [u8],
}

/// What the beginning of some bytes is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A record, and how many bytes it takes.
    Whole(Record<'a>, usize),
    /// Perhaps a record, once there are this many bytes.
    Needs(usize),
    /// No record.
    Damaged,
}

/// Looks for a record at the beginning of some bytes.
pub(crate) fn parse(bytes: &[u8], salt: u32) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Parsed::Needs(HEADER) };
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let checksum = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let Some(kind) = Kind::from_byte(header[8]).filter(|_| length <= MAX_PAYLOAD) else { return Parsed::Damaged };
    let mut sequence = [0; 8];
    sequence.copy_from_slice(&header[9..]);
    let sequence = u64::from_le_bytes(sequence);
    let Some(payload) = rest.get(..length) else { return Parsed::Needs(HEADER + length) };
    let mut hasher = Hasher::new();
    hasher.update(payload);
    if finish(hasher, kind as u8, sequence, salt) != checksum {
        return Parsed::Damaged;
    }
    Parsed::Whole(Record { kind, sequence, payload }, HEADER + length)
}

fn finish(mut hasher: Hasher, kind: u8, sequence: u64, salt: u32) -> u32 {
    let mut tail = [0; 13];
    tail[0] = kind;
    tail[1..9].copy_from_slice(&sequence.to_le_bytes());
    tail[9..].copy_from_slice(&salt.to_le_bytes());
    hasher.update(&tail);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(payload: &[u8], sequence: u64, salt: u32) -> Vec<u8> {
        let mut buffer = Vec::new();
        Draft::new(&mut buffer, |out| out.extend_from_slice(payload)).seal(Kind::End, sequence, salt);
        buffer
    }

    #[test]
    fn a_record_of_another_segment_is_none_here() {
        assert_eq!(parse(&record(b"text", 7, 1), 2), Parsed::Damaged);
    }

    #[test]
    fn zeros_are_no_record() {
        assert_eq!(parse(&[0; 64], 0), Parsed::Damaged);
    }

    proptest! {
        #[test]
        fn records_round_trip(payload: Vec<u8>, sequence: u64, salt: u32) {
            let bytes = record(&payload, sequence, salt);
            let whole = Record { kind: Kind::End, sequence, payload: &payload };
            prop_assert_eq!(parse(&bytes, salt), Parsed::Whole(whole, bytes.len()));
        }

        #[test]
        fn every_flipped_bit_is_noticed(payload in proptest::collection::vec(any::<u8>(), 0..200), bit: prop::sample::Index) {
            let mut bytes = record(&payload, 9, 3);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(parse(&bytes, 3), Parsed::Whole(..)));
        }

        #[test]
        fn arbitrary_bytes_never_pass_nor_panic(bytes: Vec<u8>, salt: u32) {
            prop_assert!(!matches!(parse(&bytes, salt), Parsed::Whole(..)));
        }
    }
}
