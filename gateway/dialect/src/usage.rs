//! What an upstream says of its tokens, as far as it can be true.
//!
//! A count of nothing is believed where nothing was written: a prompt that was refused, an answer from a cache. Beside
//! words it is taken for a server that does not count, and the words are counted here instead. So it is where more is
//! counted than any model reads or writes: it would cost a month's budget.

use domain::Usage;

/// No answer has this many tokens, nor a prompt: the longest contexts are a hundredth of it.
const TOO_MANY: u64 = 1_000_000_000;

/// Returns what of it is believed of an upstream that has written so many tokens, by our estimate. `None` = nothing.
pub(crate) fn believed(said: Option<Usage>, written: u64) -> Option<Usage> {
    let said = said.filter(|it| it.prompt_tokens < TOO_MANY && it.completion_tokens < TOO_MANY)?;
    // Parts are no more than the whole, or they would be billed twice.
    let cached_tokens = said.cached_tokens.min(said.prompt_tokens);
    let cache_write_tokens = said.cache_write_tokens.min(said.prompt_tokens - cached_tokens);
    let reasoning_tokens = said.reasoning_tokens.min(said.completion_tokens);
    let said = Usage { cached_tokens, cache_write_tokens, reasoning_tokens, ..said };
    match (said.prompt_tokens, said.completion_tokens) {
        _ if written == 0 => Some(said),
        (_, 1..) => Some(said),
        (1.., 0) => Some(Usage { completion_tokens: written, estimated: true, ..said }),
        (0, 0) => None,
    }
}

/// Returns the later of two words on one answer. Some servers count nothing while they write, or when they have ended.
pub(crate) fn later(known: Option<Usage>, said: Usage) -> Usage {
    known.filter(|_| said.total_tokens() == 0).unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((prompt_tokens, completion_tokens): (u64, u64), written: u64, expected: Option<(u64, u64, bool)>) {
        let said = Usage { prompt_tokens, completion_tokens, ..Usage::default() };
        let believed = believed(Some(said), written);
        assert_eq!(believed.map(|it| (it.prompt_tokens, it.completion_tokens, it.estimated)), expected);
    }

    #[test]
    fn a_count_of_nothing_is_believed_only_where_nothing_was_written() {
        check((0, 0), 0, Some((0, 0, false)));
        check((9, 0), 0, Some((9, 0, false)));
        check((9, 4), 7, Some((9, 4, false)));
        check((0, 4), 7, Some((0, 4, false)));
        check((0, 0), 7, None);
        check((9, 0), 7, Some((9, 7, true)));
        assert_eq!(super::believed(None, 0), None);
    }

    #[test]
    fn counts_beyond_any_model_are_not_believed() {
        check((TOO_MANY - 1, 4), 7, Some((TOO_MANY - 1, 4, false)));
        check((TOO_MANY, 4), 7, None);
        check((9, u64::MAX), 7, None);
        check((u64::MAX, 0), 0, None);
    }

    #[test]
    fn parts_are_no_more_than_the_whole() {
        let whole = Usage { prompt_tokens: 10, completion_tokens: 5, ..Usage::default() };
        let parts = |cached_tokens, cache_write_tokens, reasoning_tokens| Usage {
            cached_tokens,
            cache_write_tokens,
            reasoning_tokens,
            ..whole
        };
        assert_eq!(super::believed(Some(parts(4, 6, 5)), 5), Some(parts(4, 6, 5)));
        assert_eq!(super::believed(Some(parts(600, 2, 600)), 5), Some(parts(10, 0, 5)));
        assert_eq!(super::believed(Some(parts(4, u64::MAX, 0)), 5), Some(parts(4, 6, 0)));
    }

    #[test]
    fn a_count_of_nothing_does_not_undo_an_earlier_one() {
        let known = Usage { prompt_tokens: 9, ..Usage::default() };
        assert_eq!(later(Some(known), Usage::default()), known);
        assert_eq!(later(None, Usage::default()), Usage::default());
        assert_eq!(later(Some(Usage::default()), known), known);
    }
}
