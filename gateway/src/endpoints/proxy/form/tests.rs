//! A form in any pieces says what it says in one.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const BOUNDARY: &str = "xX-7";

fn scanner(media_type: &str) -> Option<FormScanner> {
    let media_type = HeaderValue::from_str(media_type).unwrap();
    FormScanner::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, media_type)]))
}

/// What is found of a form that comes in these pieces.
fn found<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<String>, Twice> {
    let mut scanner = scanner(&format!("multipart/form-data; boundary={BOUNDARY}")).unwrap();
    for piece in pieces {
        scanner.push(piece);
        assert!(scanner.held.len() <= HEAD_MOST, "what is held is bounded");
    }
    scanner.model().map(|model| model.map(str::to_owned))
}

fn field(name: &str, value: &str) -> String {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n")
}

fn file(content: &str) -> String {
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"name=model; \\\"x.wav\"\r\nContent-Type: audio/wav\r\n\r\n{content}\r\n"
    )
}

fn form(parts: &[String]) -> String {
    format!("{}--{BOUNDARY}--\r\n", parts.concat())
}

#[track_caller]
fn names(parts: &[String], expected: Result<Option<&str>, Twice>) {
    let form = form(parts);
    let expected = expected.map(|model| model.map(str::to_owned));
    assert_eq!(found([form.as_bytes()]), expected, "{form}");
    assert_eq!(found(form.as_bytes().chunks(1)), expected, "a byte at a time: {form}");
}

#[test]
fn a_model_is_found_behind_a_file() {
    let model = field("\"model\"", "whisper-1");
    names(&[file("sound"), model.clone()], Ok(Some("whisper-1")));
    names(&[model.clone(), file("sound")], Ok(Some("whisper-1")));
    names(&[file("sound"), field("\"language\"", "en")], Ok(None));
    names(&[file(&"sound".repeat(10_000)), model.clone(), field("x", "y")], Ok(Some("whisper-1")));
    for name in ["model", "'model'", "\"MODEL\"", "\"model\"; x=y"] {
        names(&[file(""), field(name, "whisper-1")], Ok(Some("whisper-1")));
    }
    names(&[model.clone(), file(""), model], Err(Twice));
}

#[test]
fn what_only_looks_like_a_field_is_none() {
    let forged = "Content-Disposition: form-data; name=\"model\"\r\n\r\nforged\r\n";
    for content in [
        forged.to_owned(),
        format!("\r\n--{BOUNDARY}y\r\n{forged}"),
        format!("--{BOUNDARY}\r\n{forged}"),
        format!("\n--{BOUNDARY}\n{forged}"),
    ] {
        // Behind something, so that it stands at no line's begin.
        names(&[file(&format!("sound{content}")), field("model", "real")], Ok(Some("real")));
    }
    names(&[field("\"not-model\"", "x"), field("x; y=model", "z")], Ok(None));
    // Behind the last delimiter nothing counts.
    let over = form(&[file("sound")]) + &form(&[field("model", "late")]);
    assert_eq!(found([over.as_bytes()]), Ok(None));
    // Nor does what has not come to its end.
    let (cut, _) = form(&[field("model", "whisper-1")]).split_once("-1").map(|(a, b)| (a.to_owned(), b.len())).unwrap();
    assert_eq!(found([cut.as_bytes()]), Ok(None));
}

#[test]
fn heads_and_values_that_are_too_long_are_passed_over() {
    let head = format!(
        "--{BOUNDARY}\r\nX: {}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nhid\r\n",
        "x".repeat(9_000)
    );
    names(&[head, field("model", "real")], Ok(Some("real")));
    names(&[field("model", &"x".repeat(600))], Ok(None));
    names(&[field("model", &"x".repeat(600)), field("model", "real")], Ok(Some("real")));
}

#[test]
fn only_a_form_with_a_boundary_is_read() {
    for media_type in ["multipart/form-data; boundary=x", "Multipart/Form-Data;charset=utf-8; Boundary=\"a; b\""] {
        assert!(scanner(media_type).is_some(), "{media_type}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(201));
    for media_type in ["multipart/form-data", "multipart/mixed; boundary=x", "multipart/form-data; boundary=", &long] {
        assert!(scanner(media_type).is_none(), "{media_type}");
    }
    let mut quoted = scanner("multipart/form-data; boundary=\"a; b\"").unwrap();
    quoted.push(b"--a; b\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n--a; b--");
    assert_eq!(quoted.model(), Ok(Some("m")));
}

/// What files hold, with much that resembles a delimiter.
fn content() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        Just("--".to_owned()),
        Just(BOUNDARY.to_owned()),
        Just("\r\n--xX-".to_owned()),
        Just(format!("\r\n--{BOUNDARY}z")),
        Just("Content-Disposition: form-data; name=\"model\"\r\n\r\nforged".to_owned()),
        "[a-z\r\n-]{0,20}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()).prop_filter("a delimiter", |content| {
        // One that is made of pieces by chance would end the file.
        let content = format!("\r\n{content}\r\n--{BOUNDARY}");
        let delimiter = format!("\r\n--{BOUNDARY}");
        let found = content.match_indices(&delimiter).map(|(at, mark)| &content[at + mark.len()..]);
        found.filter(|rest| !rest.is_empty()).all(|rest| rest.starts_with(['z', 'x']))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn pieces_of_any_length_find_the_same_model(
        before in content(),
        behind in content(),
        model in prop::option::of("[a-z/.:-]{1,20}"),
        cuts in prop::collection::vec(1_usize..40, 1..40),
    ) {
        let field = model.iter().map(|model| field("\"model\"", model));
        let parts: Vec<_> = [file(&before)].into_iter().chain(field).chain([file(&behind)]).collect();
        let form = form(&parts);
        let mut rest = form.as_bytes();
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(found(pieces), Ok(model), "{}", form);
    }

    #[test]
    fn any_bytes_find_the_same_however_they_are_cut(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["\r\n--xX-7", "\r\n", "--", " ", "a", "\r\n\r\n", "Content-Disposition: x; name=model\r\n\r\n"]),
            0..20,
        ),
        cut in 1_usize..30,
    ) {
        let text = pieces.concat();
        prop_assert_eq!(found([text.as_bytes()]), found(text.as_bytes().chunks(cut)));
    }
}
