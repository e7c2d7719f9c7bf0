//! The report for people: a table for terminals, one for documents, and a page that needs nothing else.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::rivals::Rivals;
use super::row::{Goal, Report, Row, State, Unit};
use crate::router_eval::report::Figure;

/// A group of rows as text.
struct Section {
    title: &'static str,
    head: Vec<String>,
    /// Columns before those of baselines.
    own: usize,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

/// For a terminal of so many columns, or for a file. On a terminal that is too narrow baselines get a table of their own,
/// and long cells are wrapped.
pub fn text(report: &Report, columns: Option<u16>) -> String {
    let mut out = format!("{}\n{}\n", title(report), how(report));
    for section in sections(report) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\n{}\n", section.title);
        for table in section.tables(columns) {
            let _ = writeln!(out, "{table}");
        }
        for note in &section.notes {
            let _ = writeln!(out, "  {note}");
        }
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let _ = writeln!(out, "{}", verdict(report));
    out
}

impl Section {
    /// One table, or two where one is too wide.
    fn tables(&self, columns: Option<u16>) -> Vec<Table> {
        let rows: Vec<&[String]> = self.rows.iter().map(Vec::as_slice).collect();
        let whole = table(&self.head, &rows);
        let Some(columns) = columns.filter(|it| width(&whole) > usize::from(*it)) else { return vec![whole] };
        let own: Vec<&[String]> = rows.iter().map(|row| &row[..self.own]).collect();
        let mut tables = vec![table(&self.head[..self.own], &own)];
        let others = |row: &&[String]| row[self.own..].iter().any(|cell| !cell.is_empty());
        let beside: Vec<Vec<String>> = rows.iter().copied().filter(others).map(|row| self.beside(row)).collect();
        if !beside.is_empty() {
            let mut head = self.beside(&self.head);
            "baselines".clone_into(&mut head[0]);
            tables.push(table(&head, &beside.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
        for table in &mut tables {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        }
        tables
    }

    /// The name of a row and what baselines have.
    fn beside(&self, row: &[String]) -> Vec<String> {
        row[..1].iter().chain(&row[self.own..]).cloned().collect()
    }
}

fn table(head: &[String], rows: &[&[String]]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).force_no_tty().set_header(head);
    for row in rows {
        table.add_row(row.iter().enumerate().map(|(at, cell)| {
            Cell::new(cell).set_alignment(if at == 0 { CellAlignment::Left } else { CellAlignment::Right })
        }));
    }
    table
}

fn width(table: &Table) -> usize {
    table.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// Which figures were not measured, and how they are had; `None` if all were.
pub fn unmeasured(report: &Report) -> Option<String> {
    // Those that lack the same stand together.
    let mut lacking: Vec<(String, Vec<String>)> = Vec::new();
    for row in &report.rows {
        let (reason, cure) = match &row.state {
            State::Measured => continue,
            State::NoData(reason) => (reason, " (name its folder with --data or --blind)"),
            State::Elsewhere(reason) => (reason, ""),
        };
        let note = row.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let (why, name) = (format!("{reason}{cure}{note}"), format!("{}: {}", row.group, row.name));
        match lacking.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(name),
            None => lacking.push((why, vec![name])),
        }
    }
    let lines = lacking
        .into_iter()
        .flat_map(|(why, names)| names.into_iter().map(|name| format!("  {name}")).chain([format!("    {why}")]));
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| format!("not measured:\n{}", lines.join("\n")))
}

/// For documents.
pub fn markdown(report: &Report) -> String {
    let mut out = format!("# {}\n\n{}\n", title(report), how(report));
    for section in sections(report) {
        let _ = write!(out, "\n## {}\n\n| {} |\n", section.title, section.head.join(" | "));
        let _ = writeln!(out, "|---|{}", "---:|".repeat(section.head.len() - 1));
        for row in &section.rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        for note in &section.notes {
            let _ = write!(out, "\n{note}\n");
        }
    }
    for note in &report.notes {
        let _ = write!(out, "\n- {note}");
    }
    let _ = write!(out, "\n{}\n\n## Data\n\n| file | for | BLAKE3 |\n|---|---|---|\n", verdict(report));
    for file in &report.files {
        let _ = writeln!(out, "| {} | {} | `{}` |", file.name, file.role, file.blake3);
    }
    out
}

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;\
background:#fff;color:#1c1c1c}table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}\
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}\
th:first-child,td:first-child{text-align:left}small{opacity:.75}.yes{color:#00714f}.no{color:#b04a00}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}.yes{color:#2fd1a5}.no{color:#ff9a4d}}";

/// One page: no script, no font, no network.
pub fn page(report: &Report) -> String {
    let title = escape(&title(report));
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>\
         <p>{}</p><p><strong>{}</strong></p>",
        escape(&how(report)),
        escape(&verdict(report))
    );
    for section in sections(report) {
        let _ = write!(out, "<h2>{}</h2><table><tr>", escape(section.title));
        for it in &section.head {
            let _ = write!(out, "<th>{}</th>", escape(it));
        }
        out.push_str("</tr>");
        for row in &section.rows {
            out.push_str("<tr>");
            for it in row {
                out.push_str(&cell(it));
            }
            out.push_str("</tr>");
        }
        out.push_str("</table>");
        for it in &section.notes {
            let _ = write!(out, "<p><small>{}</small></p>", escape(it));
        }
    }
    for note in &report.notes {
        let _ = write!(out, "<p>{}</p>", escape(note));
    }
    out.push_str("<h2>Data</h2><table><tr><th>file</th><th>for</th><th>BLAKE3</th></tr>");
    for file in &report.files {
        let (name, hash) = (escape(&file.name), escape(&file.blake3));
        let _ = write!(out, "<tr><td>{name}</td><td>{}</td><td><small>{hash}</small></td></tr>", file.role);
    }
    let _ = writeln!(out, "</table><p><small>{}</small></p></body></html>", escape(&report.producer));
    out
}

fn cell(text: &str) -> String {
    let class = match text.chars().last() {
        Some('✓') => " class=\"yes\"",
        Some('✗') => " class=\"no\"",
        _ => "",
    };
    format!("<td{class}>{}</td>", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn title(report: &Report) -> String {
    match &report.against {
        Some(against) => format!("Scorer {} beside {against}", report.scorer),
        None => format!("Scorer {}", report.scorer),
    }
}

fn how(report: &Report) -> String {
    let fast = if report.fast { "; a sample, for a quick look" } else { "" };
    match report.replicates {
        0 => format!("No bootstrap, seed {}{fast}.", report.seed),
        replicates => {
            format!("Brackets are 95 % intervals, {replicates} bootstrap replicates, seed {}{fast}.", report.seed)
        }
    }
}

/// How many goals were reached.
pub fn verdict(report: &Report) -> String {
    let count = |goal: fn(&Row) -> Option<Goal>| {
        let judged = report.rows.iter().filter_map(|row| goal(row)?.is_reached(row.figure));
        judged.fold((0, 0), |(reached, of), is| (reached + usize::from(is), of + 1))
    };
    let (musts, of_musts) = count(|row| row.must);
    let (aims, of_aims) = count(|row| row.aim);
    let missing = report.rows.iter().filter(|row| row.state != State::Measured).count();
    format!("musts reached: {musts} of {of_musts}; aims: {aims} of {of_aims}; figures not measured: {missing}")
}

fn sections(report: &Report) -> Vec<Section> {
    let mut titles: Vec<&'static str> = Vec::new();
    for row in &report.rows {
        if !titles.contains(&row.group) {
            titles.push(row.group);
        }
    }
    titles.into_iter().map(|title| section(report, title)).collect()
}

fn section(report: &Report, title: &'static str) -> Section {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.group == title).collect();
    let beside: Vec<&str> =
        Rivals::NAMES.into_iter().filter(|name| rows.iter().any(|row| row.beside.contains_key(name))).collect();
    let mut head: Vec<String> = ["", &report.scorer, "must", "aim", "n"].map(str::to_owned).into();
    head.extend(report.against.clone());
    let own = head.len();
    head.extend(beside.iter().map(|it| (*it).to_owned()));
    let line = |row: &&Row| {
        let mut cells = vec![row.name.clone(), shown_row(row), goal(row, row.must), goal(row, row.aim)];
        cells.push(row.n.map_or(String::new(), |n| n.to_string()));
        if report.against.is_some() {
            cells.push(row.against.map_or(String::new(), |it| shown(it, row.unit)));
        }
        let others = beside.iter().map(|name| row.beside.get(name).map_or(String::new(), |it| shown(*it, row.unit)));
        cells.extend(others);
        cells
    };
    let mut notes: Vec<String> = Vec::new();
    for note in rows.iter().filter_map(|row| row.note.clone()) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    Section { title, head, own, rows: rows.iter().map(line).collect(), notes }
}

fn shown_row(row: &Row) -> String {
    match &row.state {
        State::Measured => shown(row.figure, row.unit),
        State::NoData(reason) | State::Elsewhere(reason) => format!("not measured: {reason}"),
    }
}

fn goal(row: &Row, goal: Option<Goal>) -> String {
    let Some(goal) = goal else {
        return String::new();
    };
    let number = |value| number(value, row.unit);
    let asked = match goal {
        Goal::AtLeast(value) => format!("≥ {}", number(value)),
        Goal::AtMost(value) => format!("≤ {}", number(value)),
        Goal::Above(value) => format!("> {}", number(value)),
        Goal::LowerEndAbove(value) => format!("lower end > {}", number(value)),
    };
    match goal.is_reached(row.figure) {
        Some(true) => format!("{asked} ✓"),
        Some(false) => format!("{asked} ✗"),
        None => asked,
    }
}

/// A figure with its interval.
pub fn shown(figure: Figure, unit: Unit) -> String {
    let Some(value) = figure.value else {
        return "undefined".to_owned();
    };
    match figure.interval {
        Some(it) => format!("{} [{}, {}]", number(value, unit), bare(it.low, unit), bare(it.high, unit)),
        None => number(value, unit),
    }
}

fn number(value: f64, unit: Unit) -> String {
    let bare = bare(value, unit);
    match unit {
        Unit::Plain => bare,
        Unit::Share => format!("{bare} %"),
        Unit::Milliseconds => format!("{bare} ms"),
        Unit::PerSecond => format!("{bare} /s"),
        Unit::Megabytes => format!("{bare} MB"),
    }
}

fn bare(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{:.1}", 100.0 * value),
        Unit::Milliseconds if value.abs() >= 10.0 => format!("{value:.0}"),
        Unit::Plain | Unit::Milliseconds => format!("{value:.3}"),
        Unit::PerSecond => format!("{value:.0}"),
        Unit::Megabytes => format!("{value:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Interval;

    fn report() -> Report {
        let figure = Figure { value: Some(0.943), interval: Some(Interval { low: 0.9, high: 0.97 }) };
        let row = Row::new("clear <cases>", "simple | below", Unit::Share, figure).of(200);
        let row = row.must(Goal::AtLeast(0.95)).aim(Goal::AtLeast(0.5)).beside("length", figure).note("a note");
        let missing = Row::without("other", "apgr", Unit::Plain, State::NoData("no data at x".to_owned()));
        Report {
            format: super::super::row::FORMAT,
            producer: "evalkit".to_owned(),
            scorer: "9.1".to_owned(),
            against: None,
            seed: 1,
            replicates: 100,
            fast: false,
            files: Vec::new(),
            rows: vec![row, missing],
            notes: Vec::new(),
        }
    }

    #[test]
    fn goals_stand_beside_figures_with_their_marks() {
        let text = text(&report(), None);
        for part in
            ["94.3 % [90.0, 97.0]", "≥ 95.0 % ✗", "≥ 50.0 % ✓", "length", "not measured: no data at x", "a note"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.contains("musts reached: 0 of 1; aims: 1 of 1; figures not measured: 1"), "{text}");
    }

    #[test]
    fn other_scorer_gets_a_column_where_it_was_measured() {
        let mut report = report();
        let mut others = report.rows.clone();
        others[0].figure = Figure { value: Some(0.5), interval: None };
        report.set_beside("9.0".to_owned(), &others);
        let text = text(&report, None);
        assert!(text.contains("Scorer 9.1 beside 9.0") && text.contains("50.0 %"), "{text}");
        assert_eq!(report.rows[1].against, None);
        assert!(report.lacks_data());
    }

    #[test]
    fn table_fits_a_narrow_terminal_with_baselines_below() {
        let mut report = report();
        for name in ["n-grams", "static table"] {
            let figure = report.rows[0].figure;
            report.rows[0].beside.insert(name, figure);
        }
        let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        let (wide, narrow) = (text(&report, None), text(&report, Some(80)));
        assert!(widest(&wide) > 100 && !wide.contains("| baselines"), "{wide}");
        let tables: Vec<&str> = narrow.lines().filter(|line| line.starts_with('|')).collect();
        assert!(tables.iter().all(|line| line.chars().count() <= 80), "{narrow}");
        assert!(narrow.contains("| baselines") && narrow.contains("static table"), "{narrow}");
        assert_eq!(text(&report, Some(300)), wide);
    }

    #[test]
    fn figures_that_are_missing_are_named_with_their_cure() {
        let mut report = report();
        assert_eq!(
            unmeasured(&report).as_deref(),
            Some("not measured:\n  other: apgr\n    no data at x (name its folder with --data or --blind)")
        );
        report.rows.pop();
        assert_eq!(unmeasured(&report), None);
    }

    #[test]
    fn page_and_document_are_whole_and_escaped() {
        let page = page(&report());
        assert!(page.contains("clear &lt;cases&gt;") && page.contains("prefers-color-scheme:dark"));
        assert!(page.contains("class=\"no\">≥ 95.0 % ✗") && !page.contains("<script"));
        let document = markdown(&report());
        assert!(document.contains("| simple \\| below | 94.3 % [90.0, 97.0] |"), "{document}");
    }
}
