//! The report as one page that needs nothing else: no script, no font, no network.

use std::fmt::Write;

use super::Measure;
use super::plot::{STYLE, escape};
use super::plots::draw;
use super::report::{ContenderReport, Figure, Report};
use super::table::{COMPARED, ROWS, interval, number, verdict};

const PAGE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
background:#fff;color:#1c1c1c}table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}\
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}\
th:first-child,td:first-child{text-align:left}small{opacity:.75}figure{margin:2rem 0}figcaption{max-width:45rem}\
.better{color:#00714f}.worse{color:#b04a00}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}.better{color:#2fd1a5}.worse{color:#ff9a4d}}";

/// Writes the page.
pub fn render(report: &Report) -> String {
    let title = format!("{} between {} and {}", report.data.scorer, report.pair.strong, report.pair.weak);
    let title = escape(&title);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{PAGE}{STYLE}</style></head><body><h1>{title}</h1>\
         <p>{} prompts, signal {}, {} replicates over {}, seed {}.</p>",
        report.data.prompts,
        escape(&report.data.signal),
        report.bootstrap.replicates,
        escape(&report.bootstrap.unit),
        report.bootstrap.seed
    );
    notes(&mut page, report);
    figures(&mut page, report);
    differences(&mut page, report);
    for drawing in draw(report, false) {
        // Writing to a string cannot fail.
        let _ = write!(page, "<figure>{}<figcaption>{}</figcaption></figure>", drawing.svg, escape(&drawing.caption));
    }
    files(&mut page, report);
    page.push_str("</body></html>\n");
    page
}

fn notes(page: &mut String, report: &Report) {
    if report.notes.is_empty() {
        return;
    }
    page.push_str("<ul>");
    for note in &report.notes {
        let _ = write!(page, "<li>{}</li>", escape(note));
    }
    page.push_str("</ul>");
}

fn cell(figure: Figure) -> String {
    format!("<td>{} <small>{}</small></td>", number(figure.value), interval(figure))
}

fn figures(page: &mut String, report: &Report) {
    let all: Vec<&ContenderReport> = std::iter::once(&report.router).chain(&report.baselines).collect();
    page.push_str("<h2>Figures</h2><table><tr><th>figure, 95 % interval</th>");
    for contender in &all {
        let _ = write!(page, "<th title=\"{}\">{}</th>", escape(&contender.what), escape(&contender.name));
    }
    page.push_str("</tr>");
    for (measure, name) in ROWS {
        let _ = write!(page, "<tr><td>{name}</td>");
        for contender in &all {
            page.push_str(&cell(contender.figure(measure)));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
    let pair = &report.pair;
    page.push_str("<table><tr><th>models</th><th>mean quality, 95 % interval</th></tr>");
    for (name, figure) in [(&pair.strong, pair.strong_quality), (&pair.weak, pair.weak_quality)] {
        let _ = write!(page, "<tr><td>{}</td>{}</tr>", escape(name), cell(figure));
    }
    let _ = write!(page, "<tr><td>gap</td>{}</tr></table>", cell(pair.gap));
}

fn differences(page: &mut String, report: &Report) {
    if report.differences.is_empty() {
        return;
    }
    page.push_str("<h2>Router less baseline</h2><table><tr><th>paired difference, 95 % interval</th>");
    for difference in &report.differences {
        let _ = write!(page, "<th>{}</th>", escape(&difference.baseline));
    }
    page.push_str("</tr>");
    for (measure, name) in COMPARED {
        let _ = write!(page, "<tr><td>{name}</td>");
        for difference in &report.differences {
            page.push_str(&compared(measure, &difference.baseline, difference.figure(measure)));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn compared(measure: Measure, baseline: &str, figure: Figure) -> String {
    let Some(value) = figure.value else {
        return "<td>-</td>".to_owned();
    };
    let word = verdict(measure, baseline, figure);
    format!("<td class=\"{word}\">{value:+.4} <small>{} {word}</small></td>", interval(figure))
}

fn files(page: &mut String, report: &Report) {
    page.push_str("<h2>Data</h2><table><tr><th>file</th><th>for</th><th>BLAKE3</th></tr>");
    for file in &report.data.files {
        let (name, hash) = (escape(&file.name), escape(&file.blake3));
        let _ = write!(page, "<tr><td>{name}</td><td>{}</td><td><small>{hash}</small></td></tr>", file.role);
    }
    let _ = write!(page, "</table><p><small>{}</small></p>", escape(&report.producer));
}
