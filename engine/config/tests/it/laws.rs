//! What holds for any text.

use proptest::prelude::*;

/// Pieces of real files, so that random texts get past the first character.
fn piece() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "[[providers]]",
        "[[models]]",
        "[[policies]]",
        "[[keys]]",
        "\n",
        "\n",
        " = ",
        ": ",
        "slug",
        "id",
        "name",
        "models",
        "strategy",
        "rules",
        "when",
        "all",
        "not",
        "field",
        "use",
        "pricing",
        "prompt",
        "\"acme\"",
        "acme/small",
        "\"*\"",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "- ",
        "  ",
        "&a ",
        "*a",
        "<<: *a",
        "1",
        "-1",
        "0.5",
        "1e999",
        "true",
        "null",
        "~",
        "2026-11-22",
        "'",
        "\"",
        "#",
        "|",
        ">",
        "!!str ",
        "credentials",
        "secret_env",
        "secret",
        "timeouts",
        "connect",
        "\"3s\"",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\u{feff}",
        "ü",
    ]);
    prop_oneof![9 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        config::fuzz(&data);
    }

    #[test]
    fn shuffled_pieces_of_files_never_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        config::fuzz(pieces.concat().as_bytes());
    }

    #[test]
    fn every_fault_of_a_cut_file_has_a_line_of_it(cut in 0_usize..4000) {
        let whole = include_str!("../../../../docs/examples/signalbox.toml");
        let end = (0..=cut.min(whole.len())).rev().find(|end| whole.is_char_boundary(*end)).unwrap_or(0);
        let text = &whole[..end];
        if let Err(faults) = crate::support::toml(text) {
            let lines = text.lines().count() + 1;
            for fault in faults.faults {
                prop_assert!((1..=lines).contains(&fault.line), "{fault}");
            }
        }
    }
}
