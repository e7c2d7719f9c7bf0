//! Takes the packing off bodies that come packed although they were asked for plain.
//!
//! Bytes in, bytes out, as they come, so that a packed stream is still a stream. What unpacks to far more than came is
//! refused before it is in memory; how large a whole body may be is the reader's business.

use std::fmt;
use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

/// A body may unpack to so many times its length …
const RATIO: u64 = 100;
/// … and this much more: short bodies of one repeated letter are no attack.
const FLOOR: u64 = 1 << 20;
const STEP: usize = 32 * 1024;
/// Frames that want a larger window than 8 MiB are refused.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Why a packed body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackingFault {
    #[error("the response body is packed in a way that is not known: {0}")]
    Unknown(String),
    #[error("the response body unpacks to more than {RATIO} times its length")]
    Bomb,
    #[error("the packing of the response body is damaged")]
    Damaged,
}

/// Unpacks one body.
pub(crate) struct Decoder {
    packing: Packing,
    ended: bool,
}

enum Packing {
    Gzip(Box<MultiGzDecoder<Sink>>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(Box<Zstd>),
}

struct Zstd {
    decoder: zstd::stream::raw::Decoder<'static>,
    sink: Sink,
    /// Where a frame has ended and none has begun, the body may end.
    at_frame_end: bool,
}

/// What has been unpacked and not been taken yet.
#[derive(Debug, Default)]
struct Sink {
    ready: BytesMut,
    came: u64,
    unpacked: u64,
}

impl Decoder {
    /// What the headers ask for; `None` = nothing.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, PackingFault> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        let packing = match name.as_str() {
            "" | "identity" => return Ok(None),
            "gzip" | "x-gzip" => Packing::Gzip(Box::new(MultiGzDecoder::new(Sink::default()))),
            "br" => Packing::Brotli(Box::new(DecompressorWriter::new(Sink::default(), STEP))),
            "zstd" => Packing::Zstd(Box::new(Zstd::new().map_err(|_| PackingFault::Damaged)?)),
            _ => return Err(PackingFault::Unknown(name.chars().take(40).filter(|it| !it.is_control()).collect())),
        };
        Ok(Some(Self { packing, ended: false }))
    }

    /// Unpacks what has come, as far as it can be.
    pub(crate) fn push(&mut self, packed: &[u8]) -> Result<Bytes, PackingFault> {
        self.sink().came += packed.len() as u64;
        match &mut self.packing {
            Packing::Gzip(decoder) => decoder.write_all(packed).and_then(|()| decoder.flush()),
            Packing::Brotli(decoder) => decoder.write_all(packed).and_then(|()| decoder.flush()),
            Packing::Zstd(decoder) => decoder.write(packed),
        }
        .map_err(|fault| PackingFault::from(&fault))?;
        Ok(self.sink().ready.split().freeze())
    }

    /// Checks that the packing is complete.
    pub(crate) fn end(&mut self) -> Result<(), PackingFault> {
        if std::mem::replace(&mut self.ended, true) || self.sink().came == 0 {
            return Ok(());
        }
        match &mut self.packing {
            Packing::Gzip(decoder) => decoder.try_finish().map_err(|_| PackingFault::Damaged),
            Packing::Brotli(decoder) => decoder.close().map_err(|_| PackingFault::Damaged),
            Packing::Zstd(decoder) if decoder.at_frame_end => Ok(()),
            Packing::Zstd(_) => Err(PackingFault::Damaged),
        }
    }

    fn sink(&mut self) -> &mut Sink {
        match &mut self.packing {
            Packing::Gzip(decoder) => decoder.get_mut(),
            Packing::Brotli(decoder) => decoder.get_mut(),
            Packing::Zstd(decoder) => &mut decoder.sink,
        }
    }
}

impl From<&io::Error> for PackingFault {
    fn from(fault: &io::Error) -> Self {
        // The one that the sink gives.
        if fault.kind() == io::ErrorKind::FileTooLarge { Self::Bomb } else { Self::Damaged }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.packing {
            Packing::Gzip(_) => "Decoder(gzip)",
            Packing::Brotli(_) => "Decoder(br)",
            Packing::Zstd(_) => "Decoder(zstd)",
        })
    }
}

impl Zstd {
    fn new() -> io::Result<Self> {
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
        Ok(Self { decoder, sink: Sink::default(), at_frame_end: true })
    }

    fn write(&mut self, packed: &[u8]) -> io::Result<()> {
        let mut step = vec![0; STEP];
        let mut input = InBuffer::around(packed);
        loop {
            let mut output = OutBuffer::around(&mut step[..]);
            let left = self.decoder.run(&mut input, &mut output)?;
            self.at_frame_end = left == 0;
            let is_full = output.pos() == STEP;
            self.sink.write_all(output.as_slice())?;
            if input.pos() == packed.len() && !is_full {
                return Ok(());
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unpacked += bytes.len() as u64;
        if self.unpacked > FLOOR + RATIO * self.came {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.ready.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn decoder(name: &str) -> Decoder {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::try_from(name).expect("value"))]);
        Decoder::of(&headers).expect("known").expect("packed")
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 19).expect("memory")
    }

    /// The same text over and over, as `brotli -q 11 -w 22` packs it: this crate only unpacks.
    fn brotli() -> (Vec<u8>, Vec<u8>) {
        (include_bytes!("encoding/text.br").to_vec(), b"data: {\"n\": 1}\n\n".repeat(100))
    }

    fn unpack(name: &str, packed: &[u8], piece: usize) -> Result<Vec<u8>, PackingFault> {
        let (mut decoder, mut plain) = (decoder(name), Vec::new());
        for piece in packed.chunks(piece) {
            plain.extend_from_slice(&decoder.push(piece)?);
        }
        decoder.end().map(|()| plain)
    }

    #[test]
    fn packed_bodies_are_unpacked_however_they_are_cut() {
        let (packed, text) = brotli();
        for (name, packed) in [("gzip", gzip(&text)), ("x-GZIP", gzip(&text)), ("br", packed), ("zstd", zstd(&text))] {
            for piece in [1, 2, 7, 1_000_000] {
                assert_eq!(unpack(name, &packed, piece).expect("fits"), text, "{name} by {piece}");
            }
        }
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_refused() {
        let (packed, text) = brotli();
        for (name, packed) in [("gzip", gzip(&text)), ("br", packed), ("zstd", zstd(&text))] {
            let cut = unpack(name, &packed[..packed.len() - 1], 5);
            assert!(matches!(cut, Err(PackingFault::Damaged)), "{name}: {cut:?}");
            let noise = unpack(name, &[0xff; 64], 5);
            assert!(matches!(noise, Err(PackingFault::Damaged)), "{name}: {noise:?}");
        }
    }

    #[test]
    fn what_unpacks_to_far_too_much_is_refused_before_it_is_in_memory() {
        let zeros = vec![0; 64 << 20];
        for (name, packed) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
            let mut decoder = decoder(name);
            assert!(matches!(decoder.push(&packed), Err(PackingFault::Bomb)), "{name}");
            assert!(decoder.sink().ready.len() as u64 <= FLOOR + RATIO * packed.len() as u64, "{name}");
        }
    }

    #[test]
    fn packings_that_are_not_known_are_named() {
        let headers = |name| HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(name))]);
        for name in ["deflate", "gzip, br", "compress"] {
            let refused = Decoder::of(&headers(name)).expect_err("unknown").to_string();
            assert!(refused.contains(name), "{refused}");
        }
        assert!(Decoder::of(&headers("Identity")).expect("known").is_none());
    }
}
