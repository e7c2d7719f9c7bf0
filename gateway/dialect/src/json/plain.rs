//! How long a run of plain bytes is: printable ASCII, neither quote nor backslash. Nearly all of a prompt is such runs, so
//! this leads the cost of large requests.

use wide::i8x16;

/// Bytes that are judged at once.
const BLOCK: usize = 16;

/// How many bytes from the start are plain.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks();
    for (index, block) in blocks.iter().enumerate() {
        let specials = specials(block);
        if specials != 0 {
            return index * BLOCK + specials.trailing_zeros() as usize;
        }
    }
    blocks.len() * BLOCK + rest.iter().take_while(|byte| !is_special(**byte)).count()
}

const fn is_special(byte: u8) -> bool {
    byte < b' ' || byte >= 0x80 || byte == b'"' || byte == b'\\'
}

/// Which bytes of a block are not plain: the lowest bit is the first byte's.
fn specials(block: &[u8; BLOCK]) -> u32 {
    let all = |byte: u8| i8x16::splat(byte.cast_signed());
    let bytes = i8x16::new(block.map(u8::cast_signed));
    // As signed numbers, those from 0x80 on are below the blank too.
    (bytes.simd_lt(all(b' ')) | bytes.simd_eq(all(b'"')) | bytes.simd_eq(all(b'\\'))).to_bitmask()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_run_ends_at_the_first_special_byte(
            plain in "[ -!#-\\[\\]-~\x7f]{0,100}", rest in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = [plain.as_bytes(), &rest].concat();
            let expected = bytes.iter().take_while(|byte| !is_special(**byte)).count();
            prop_assert_eq!(plain_run(&bytes), expected);
        }
    }

    #[test]
    fn every_byte_is_judged_alike_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..2 * BLOCK - 1 {
                let mut bytes = [b'a'; 2 * BLOCK - 1];
                bytes[at] = byte;
                let expected = if is_special(byte) { at } else { bytes.len() };
                assert_eq!(plain_run(&bytes), expected, "{byte:#x} at {at}");
            }
        }
    }
}
