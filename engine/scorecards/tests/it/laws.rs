//! What holds of any bytes, by the functions that the fuzz targets call.

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        scorecards::fuzz::csv(&bytes);
        scorecards::fuzz::any(&bytes);
    }

    #[test]
    fn anything_like_a_table_is_read_or_refused(
        header in "(model|model_id)[,;\t](score|code|benchmark,score|score,n)",
        rows in proptest::collection::vec("[a-zA-Z0-9 ()/@\"é.-]{0,12}[,;\t][0-9.%,;a-]{0,8}", 0..20),
    ) {
        scorecards::fuzz::csv(format!("{header}\n{}\n", rows.join("\n")).as_bytes());
    }

    #[test]
    fn shares_are_read_as_written(scores in proptest::collection::btree_map("[a-z]{3,9}", 0.0_f64..=1.0, 1..30)) {
        let rows = scores.iter().map(|(model, score)| format!("{model},{score}\n")).collect::<Vec<_>>().concat();
        let reading = crate::support::read("x.csv", &format!("model,score\n{rows}")).unwrap();
        let read: Vec<f64> = reading.scorecards[0].cells.iter().map(|it| it.cell.score).collect();
        prop_assert_eq!(read, scores.into_values().collect::<Vec<_>>());
    }
}
