//! Tables: long, wide, three columns; delimiters and quotes; and every way in which they are refused.

use domain::{Direction, Normalisation};
use scorecards::{Declared, FlagKind, MAX_CELLS, MAX_LINE};

use crate::support::{check_read, check_refused, count, read, read_as};

#[test]
fn three_columns_are_one_benchmark_named_by_the_file() {
    let text = "model_id,score,notes\nopenai/gpt-5,0.87,ours\nopenai/gpt-5-mini,0.61,\"a, b\"\n";
    check_read("out/Support Tone.csv", text, &["support-tone score: openai/gpt-5=0.87 openai/gpt-5-mini=0.61"]);
}

#[test]
fn a_long_table_is_a_scorecard_for_each_benchmark() {
    let text = "model,benchmark,score,n,stderr,ci_low,ci_high,metric,version\n\
                gpt-5,exam,0.5,100,0.05,0.4,0.6,acc,2\n\
                gpt-5 (high),exam,0.6,100,,,,acc,2\n\
                gpt-5,Quiz Show,0.25,,,,,acc,1\n";
    check_read(
        "x.csv",
        text,
        &["exam@2 acc: openai/gpt-5=0.5 openai/gpt-5@high=0.6", "quiz-show@1 acc: openai/gpt-5=0.25"],
    );
    let reading = read("x.csv", text).unwrap();
    let cell = &reading.scorecards[0].cells[0].cell;
    assert_eq!((cell.n, cell.standard_error, cell.interval.unwrap().high), (Some(100), Some(0.05), 0.6));
}

#[test]
fn blank_fields_of_a_wide_table_are_missing_scores() {
    let text = "model,code,math\ngpt-5,61.5,\no3,,70\n";
    check_read("x.csv", text, &["code score: openai/gpt-5=61.5", "math score: openai/o3=70"]);
}

#[test]
fn two_metrics_of_a_benchmark_are_two_scorecards() {
    let text = "model,benchmark,metric,score\no3,exam,pass@1,0.5\no3,exam,resolved,0.4\n";
    check_read("x.csv", text, &["exam-pass-1 pass@1: openai/o3=0.5", "exam-resolved resolved: openai/o3=0.4"]);
}

#[test]
fn benchmarks_that_would_share_a_name_are_refused() {
    let text = "model,benchmark,metric,score\no3,exam,acc,0.5\no3,exam,f1,0.4\no3,exam-acc,f1,0.4\n";
    check_refused("x.csv", text, &["line 4, `score`: two benchmarks of the file are both called `exam-acc`"]);
    let long = "e".repeat(65);
    check_refused(
        "x.csv",
        &format!("model,{long}\no3,0.5\n"),
        &[&format!("line 2, `{long}`: the name `{long}` is longer than 64")],
    );
}

#[test]
fn delimiters_marks_and_line_ends_do_not_matter() {
    for text in [
        "model,score\no3,0.5\n",
        "model;score\no3;0.5\n",
        "model\tscore\no3\t0.5\n",
        "\u{feff}model,score\r\no3,0.5\r\n",
        "\n\nmodel,score\n\n\"o3\",\"0.5\"",
        "Model , SCORE\n o3 , 0.5 \n",
    ] {
        check_read("x.csv", text, &["x score: openai/o3=0.5"]);
    }
}

#[test]
fn percent_signs_are_a_unit() {
    let reading = read("x.csv", "model,score\no3,87%\ngpt-5,0.5 %\n").unwrap();
    let card = &reading.scorecards[0];
    assert_eq!((card.unit.as_deref(), card.cells[0].cell.score), (Some("percent"), 87.0));
    assert_eq!(card.normalisation, Normalisation::Bounds { min: 0.0, max: 100.0 });
    assert_eq!(count(&reading, FlagKind::UnitGuessed), 0);
}

#[test]
fn bounds_that_nobody_declares_are_guessed_and_flagged() {
    let shares = read("x.csv", "model,score\no3,0.5\n").unwrap();
    assert_eq!(shares.scorecards[0].normalisation, Normalisation::Bounds { min: 0.0, max: 1.0 });
    assert_eq!(count(&shares, FlagKind::UnitGuessed), 1);
    let percentages = read("x.csv", "model,score\no3,0.5\ngpt-5,50\n").unwrap();
    assert_eq!(percentages.scorecards[0].normalisation, Normalisation::Bounds { min: 0.0, max: 100.0 });
    check_refused("x.csv", "model,score\no3,1250\n", &["line 2, `score`: 1250 is neither share nor percentage"]);
}

#[test]
fn what_is_declared_goes_before_what_the_file_says() {
    let declared = Declared {
        name: Some("latency".to_owned()),
        direction: Some(Direction::Lower),
        normalisation: Some(Normalisation::Log { min: 0.1, max: 100.0 }),
        ..Declared::default()
    };
    let reading = read_as("x.csv", b"model,score\no3,1250\n", &declared).unwrap();
    assert_eq!((reading.scorecards[0].name.as_str(), reading.scorecards[0].direction), ("latency", Direction::Lower));
    let refused = read_as("x.csv", b"model,a,b\no3,1,2\n", &declared).unwrap_err();
    assert!(refused[0].message.contains("2 benchmarks"), "{refused:?}");
}

#[test]
fn all_faults_of_a_table_are_told_with_line_column_and_cure() {
    check_refused(
        "x.csv",
        "model,score,n\n,0.5,1\no3,NaN,\ngpt-5,abc,\ngpt-4.1,0.5,1.5\ngpt-4o,\"0,5\",\no1,0.5,1,2\no4-mini,0.5,0\n",
        &[
            "line 2, `model`: names no model: write its name",
            "line 3, `score`: `NaN` is not a score: leave the field blank",
            "line 4, `score`: `abc` is not a number: correct it",
            "line 5, `n`: 1.5 is not a count: write a whole number",
            "line 6, `score`: `0,5` has a comma: write a decimal point",
            "line 7: has 4 fields where the header has 3",
            "line 8, `n`: no samples give no score",
        ],
    );
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for text in ["model,score\n\no3,x\n", "model,score\r\n\r\no3,x\r\n", "\u{feff}\r\nmodel,score\r\no3,x"] {
        check_refused("x.csv", text, &["line 3, `score`: `x` is not a number"]);
    }
    check_refused("x.csv", "model,score,notes\no1,1,\"a\nb\"\no3,x,\n", &["line 4, `score`"]);
}

#[test]
fn percentages_beside_plain_numbers_are_refused() {
    check_refused(
        "x.csv",
        "model,score\no3,87%\ngpt-5,0.87\no1,0.5\n",
        &["line 2, `score`: `87%` stands beside plain numbers: write all scores in percent, or none"],
    );
    let declared =
        Declared { normalisation: Some(Normalisation::Bounds { min: 0.0, max: 1.0 }), ..Declared::default() };
    let refused = read_as("x.csv", b"model,score\no3,0.87\ngpt-5,87\n", &declared).unwrap_err();
    assert!(refused[0].to_string().starts_with("line 3, `score`: 87 looks like a percentage"), "{refused:?}");
}

#[test]
fn second_scores_are_refused_whatever_the_spelling() {
    check_refused(
        "x.csv",
        "model,score\no3,0.5\ngpt-5,0.4\nOpenAI/O3,0.6\no3,0.5\n",
        &[
            "line 4, `model`: `OpenAI/O3` and `o3` at line 2 are both `openai/o3`: keep one",
            "line 5, `model`: `o3` has a score already, at line 2",
        ],
    );
}

#[test]
fn efforts_in_a_column_of_their_own_are_no_second_scores() {
    let text = "model,variant,score\nopenai/gpt-5,high,0.6\nopenai/gpt-5,,0.5\n";
    check_read("x.csv", text, &["x score: openai/gpt-5@high=0.6 openai/gpt-5=0.5"]);
}

#[test]
fn unknown_columns_are_refused_with_the_nearest_name() {
    check_refused(
        "x.csv",
        "model,score,benchmrk\no3,1,a\n",
        &["line 1, `benchmrk`: is no column of a scorecard: did you mean `benchmark`?"],
    );
    check_refused(
        "x.csv",
        "model,scor\no3,1\n",
        &["line 1, `scor`: is no column of a scorecard: did you mean `score`?"],
    );
    check_refused(
        "x.csv",
        "model,score,colour\no3,1,red\n",
        &["line 1, `colour`: is no column of a scorecard: take it out"],
    );
    check_refused("x.csv", "model,score,value\no3,1,1\n", &["line 1, `value`: says the same as `score`"]);
    check_refused("x.csv", "who,code\no3,1\n", &["line 1, `who`: is not `model`"]);
    check_refused("x.csv", "benchmark,score\na,1\n", &["line 1: the header has no column `model`: add it"]);
    check_refused("x.csv", "model,n\no3,1\n", &["line 1, `n`: belongs to a table with a column `score`"]);
}

#[test]
fn evidence_that_cannot_be_is_refused() {
    check_refused(
        "x.csv",
        "model,score,n,successes,se,ci_low,ci_high,min,max\n\
         o3,0.5,100,50,-1,,,0,1\ngpt-5,0.5,,,,0.6,0.7,0,1\no1,0.5,100,80,,,,0,1\ngpt-4.1,1.5,,,,,,0,1\n",
        &[
            "line 2, `se`: -1 is no standard error",
            "line 3, `ci`: 0.6 to 0.7 does not hold the score 0.5",
            "line 4, `successes`: 80 of 100 give 0.80, not 0.5",
            "line 5, `score`: 1.5 looks like a percentage",
        ],
    );
    check_refused(
        "x.csv",
        "model,score,ci_low,min,date\no3,0.5,0.4,0,soon\n",
        &[
            "line 2, `min`: has no `max`",
            "line 2, `ci_low`: is half an interval",
            "line 2, `date`: `soon` is not a date",
        ],
    );
}

#[test]
fn rows_that_disagree_about_their_benchmark_are_refused() {
    check_refused(
        "x.csv",
        "model,score,min,max\no3,0.5,0,1\ngpt-5,0.5,0,2\n",
        &["line 3, `min`: the bounds differ from those of line 2"],
    );
}

#[test]
fn files_that_are_no_tables_are_refused() {
    check_refused("x.csv", "", &["is empty"]);
    check_refused("x.csv", "model,score\n", &["has no scores"]);
    check_refused("x.csv", "model,score\n\"o3,1\ngpt-5,2\n", &["line 2: opens a quote that is never closed"]);
    let refused = read_as("x.csv", b"model,score\no3,\xff\n", &Declared::default()).unwrap_err();
    assert_eq!((refused[0].line, refused[0].message.contains("UTF-8")), (Some(2), true));
    let refused = read_as("x.csv", b"\xff\xfem\0", &Declared::default()).unwrap_err();
    assert!(refused[0].message.contains("UTF-16"), "{refused:?}");
}

#[test]
fn lines_and_tables_have_bounds() {
    let long = format!("model,score\no3,1\n{}\n", "x".repeat(10 << 20));
    check_refused("x.csv", &long, &[&format!("line 3: is 10485760 bytes long, more than {MAX_LINE}")]);
    let many: Vec<_> = (0..=MAX_CELLS).map(|it| format!("m{it},0.5\n")).collect();
    let many = format!("model,score\n{}", many.concat());
    let last = MAX_CELLS + 2;
    check_refused("x.csv", &many, &[&format!("line {last}: is where the file passes {MAX_CELLS} scores")]);
}

#[test]
fn faults_beyond_a_hundred_are_counted() {
    let rows = (0..150).map(|it| format!("m{it},x\n")).collect::<Vec<_>>().concat();
    let refused = read("x.csv", &format!("model,score\n{rows}")).unwrap_err();
    assert_eq!(refused.len(), 101);
}

#[test]
fn flags_tell_what_scores_rest_on() {
    let text = "model,score,n\no3,0.5,50\ngpt-5,0.5,10000\nQuasar,0.5,\n";
    let reading = read("x.csv", text).unwrap();
    assert_eq!(count(&reading, FlagKind::LowEvidence), 1);
    assert_eq!(count(&reading, FlagKind::NoInterval), 1);
    assert_eq!(reading.unmatched, ["Quasar"]);
    let old = Declared { stale_after_days: Some(30), ..Declared::default() };
    let stale = |text: &str| count(&read_as("x.csv", text.as_bytes(), &old).unwrap(), FlagKind::Stale);
    assert_eq!(stale("model,score,date\no3,0.5,2026-09-01\n"), 1);
    assert_eq!(stale("model,score,date\no3,0.5,2026-11-01\n"), 0);
    assert_eq!(stale("model,score\no3,0.5\n"), 1);
}
