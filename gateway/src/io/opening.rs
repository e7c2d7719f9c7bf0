//! Follows how an HTTP/2 connection opens: with a preface and a first frame, which holds the caller's settings.
//!
//! The library waits for both as long as the connection answers pings, which it need not do before them. Only lengths
//! are looked at; whether the bytes are what they have to be is the library's business.

/// The length of the preface.
const PREFACE: usize = 24;
/// How many bytes say the length of a frame.
const LENGTH: usize = 3;
/// The length of a frame's head, which begins with them.
const FRAME_HEAD: usize = 9;

/// How far a connection has opened.
#[derive(Debug, Default)]
pub(super) struct Opening {
    come: usize,
    /// Of the first frame's payload, as far as it has been said.
    payload: usize,
}

impl Opening {
    /// Takes note of bytes that have come.
    pub(super) fn follow(&mut self, bytes: &[u8]) {
        if self.is_over() {
            return;
        }
        let said = PREFACE.saturating_sub(self.come)..(PREFACE + LENGTH).saturating_sub(self.come).min(bytes.len());
        for byte in bytes.get(said).unwrap_or_default() {
            self.payload = self.payload << 8 | usize::from(*byte);
        }
        self.come += bytes.len();
    }

    /// Whether preface and first frame are complete.
    pub(super) fn is_over(&self) -> bool {
        self.come >= PREFACE + FRAME_HEAD + self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many bytes the opening is over when they come in pieces of this size.
    fn over_after(bytes: &[u8], piece: usize) -> Option<usize> {
        let (mut opening, mut come) = (Opening::default(), 0);
        for bytes in bytes.chunks(piece) {
            opening.follow(bytes);
            come += bytes.len();
            if opening.is_over() {
                return Some(come);
            }
        }
        None
    }

    #[test]
    fn the_opening_ends_with_the_first_frame_however_it_is_cut() {
        for payload in [0_u32, 6, 300] {
            let length = payload.to_be_bytes();
            let settings = [&length[1..], &[4, 0, 0, 0, 0, 0], &vec![0xff; payload as usize]].concat();
            let bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat();
            assert_eq!(over_after(&bytes, 1), Some(bytes.len()));
            assert!((2..=bytes.len()).all(|piece| over_after(&bytes, piece).is_some()), "{payload}");
            assert!((1..bytes.len()).all(|piece| over_after(&bytes[..bytes.len() - 1], piece).is_none()), "{payload}");
        }
    }
}
