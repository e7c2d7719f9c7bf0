//! A small canvas for plots: axes, lines, bands, bars and a legend, written as SVG.
//!
//! Colours are classes, so that one style sheet serves light and dark. Nothing is drawn outside of the axes.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 52.0;

/// Colours and lines, light and dark. Hues are those of Okabe and Ito, told apart with any colour vision.
pub(super) const STYLE: &str = "\
.plot{--ink:#1c1c1c;--faint:#d8d8d8;--paper:#ffffff;--a:#0072b2;--b:#d55e00;--c:#009e73;--d:#8a6d00;--e:#a0508a;--f:#6a6a6a;\
font:13px system-ui,sans-serif;max-width:100%;height:auto}\
@media(prefers-color-scheme:dark){.plot{--ink:#e8e8e8;--faint:#3c3c3c;--paper:#161616;--a:#56b4e9;--b:#ff9a4d;--c:#2fd1a5;--d:#f0e442;--e:#e0a0c8;--f:#a8a8a8}}\
.plot .paper{fill:var(--paper)}.plot text{fill:var(--ink)}.plot .title{font-weight:600;font-size:15px}\
.plot .axis{stroke:var(--ink);fill:none}.plot .grid{stroke:var(--faint);fill:none}\
.plot .line{fill:none;stroke-width:2}.plot .dash{stroke-dasharray:6 4}.plot .dot{stroke-dasharray:2 3}\
.plot .a{stroke:var(--a)}.plot .b{stroke:var(--b)}.plot .c{stroke:var(--c)}.plot .d{stroke:var(--d)}.plot .e{stroke:var(--e)}.plot .f{stroke:var(--f)}\
.plot .band{stroke:none;fill:var(--a);opacity:.18}.plot .bar{stroke:none}.plot .fa{fill:var(--a)}.plot .fb{fill:var(--b)}\
.plot .mark{fill:var(--a);stroke:var(--paper)}";

/// A plot being drawn.
pub(super) struct Plot {
    body: String,
    legend: Vec<(String, &'static str)>,
    x: (f64, f64),
    y: (f64, f64),
    title: String,
    description: String,
}

impl Plot {
    /// Starts with titles and the ranges of both axes.
    pub(super) fn new(title: &str, description: &str, x: (f64, f64), y: (f64, f64)) -> Self {
        // A range without width cannot be scaled.
        let widen = |range: (f64, f64)| if range.1 > range.0 { range } else { (range.0 - 0.5, range.1 + 0.5) };
        Self {
            body: String::new(),
            legend: Vec::new(),
            x: widen(x),
            y: widen(y),
            title: escape(title),
            description: escape(description),
        }
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let across = ((x - self.x.0) / (self.x.1 - self.x.0)).clamp(0.0, 1.0);
        let up = ((y - self.y.0) / (self.y.1 - self.y.0)).clamp(0.0, 1.0);
        (LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))
    }

    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        let mut last = (f64::NAN, f64::NAN);
        for point in points {
            let (x, y) = self.place(point);
            // What lies within a fifth of a pixel of the last point cannot be seen.
            if (x - last.0).abs() < 0.2 && (y - last.1).abs() < 0.2 {
                continue;
            }
            let _ = write!(path, "{x:.1},{y:.1} ");
            last = (x, y);
        }
        path
    }

    /// Draws a line; one with a name stands in the legend.
    pub(super) fn line(
        &mut self,
        name: &str,
        class: &'static str,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> &mut Self {
        let path = self.path(points);
        let _ = write!(self.body, "<polyline class=\"line {class}\" points=\"{}\"/>", path.trim());
        if !name.is_empty() {
            self.legend.push((escape(name), class));
        }
        self
    }

    /// Fills what lies between two lines.
    pub(super) fn band(&mut self, lower: &[(f64, f64)], upper: &[(f64, f64)]) -> &mut Self {
        let path = self.path(lower.iter().copied().chain(upper.iter().rev().copied()));
        let _ = write!(self.body, "<polygon class=\"band\" points=\"{}\"/>", path.trim());
        self
    }

    /// Draws a bar from zero.
    pub(super) fn bar(&mut self, class: &'static str, from: f64, to: f64, height: f64) -> &mut Self {
        let ((left, top), (right, bottom)) = (self.place((from, height)), self.place((to, self.y.0)));
        let _ = write!(
            self.body,
            "<rect class=\"bar {class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            (right - left - 0.5).max(0.5),
            bottom - top
        );
        self
    }

    /// Names a kind of bar in the legend.
    pub(super) fn name(&mut self, name: &str, class: &'static str) -> &mut Self {
        self.legend.push((escape(name), class));
        self
    }

    /// Draws a point with an upright interval.
    pub(super) fn mark(&mut self, at: (f64, f64), interval: Option<(f64, f64)>) -> &mut Self {
        let (x, y) = self.place(at);
        if let Some((low, high)) = interval {
            let ((_, bottom), (_, top)) = (self.place((at.0, low)), self.place((at.0, high)));
            let _ = write!(
                self.body,
                "<line class=\"line a\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{top:.1}\"/>"
            );
        }
        let _ = write!(self.body, "<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
        self
    }

    /// Writes the SVG; `style` is put inside for a file that stands alone.
    pub(super) fn finish(&self, x_title: &str, y_title: &str, style: bool) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\"><title>{}</title><desc>{}</desc>",
            self.title, self.description
        );
        if style {
            let _ = write!(svg, "<style>{STYLE}</style>");
        }
        let _ = write!(
            svg,
            "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/><text class=\"title\" x=\"{LEFT}\" y=\"22\">{}</text>",
            self.title
        );
        self.axes(&mut svg);
        svg.push_str(&self.body);
        let middle = f64::midpoint(TOP, HEIGHT - BOTTOM);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate(16 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 12.0,
            escape(x_title),
            escape(y_title)
        );
        self.keys(&mut svg);
        svg.push_str("</svg>");
        svg
    }

    fn axes(&self, svg: &mut String) {
        for (value, label) in ticks(self.x) {
            let (x, _) = self.place((value, self.y.0));
            let (top, bottom) = (TOP, HEIGHT - BOTTOM);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                bottom + 18.0
            );
        }
        for (value, label) in ticks(self.y) {
            let (_, y) = self.place((self.x.0, value));
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0
            );
        }
        let _ = write!(
            svg,
            "<polyline class=\"axis\" points=\"{LEFT},{TOP} {LEFT},{} {},{}\"/>",
            HEIGHT - BOTTOM,
            WIDTH - RIGHT,
            HEIGHT - BOTTOM
        );
    }

    fn keys(&self, svg: &mut String) {
        // Lines leave the lower right free; bars do not, so their legend stands in the line of the title.
        let of_bars = self.legend.iter().all(|(_, class)| is_bar(class));
        let start = HEIGHT - BOTTOM - 12.0 - 18.0 * (self.legend.len() as f64 - 1.0);
        for (at, (name, class)) in self.legend.iter().enumerate() {
            let x = WIDTH - RIGHT - 190.0 * if of_bars { (self.legend.len() - at) as f64 } else { 1.0 };
            let y = if of_bars { 22.0 } else { start + 18.0 * at as f64 };
            let sign = if is_bar(class) {
                format!("<rect class=\"bar {class}\" x=\"{x}\" y=\"{}\" width=\"24\" height=\"10\"/>", y - 9.0)
            } else {
                format!(
                    "<line class=\"line {class}\" x1=\"{x}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
                    x + 24.0,
                    y - 4.0,
                    y - 4.0
                )
            };
            let _ = write!(svg, "{sign}<text x=\"{}\" y=\"{y}\">{name}</text>", x + 30.0);
        }
    }
}

/// Whether a class fills.
fn is_bar(class: &str) -> bool {
    class.len() == 2 && class.starts_with('f')
}

/// Round values within a range, four to ten of them, and their labels.
fn ticks((low, high): (f64, f64)) -> Vec<(f64, String)> {
    let raw = (high - low) / 6.0;
    let power = 10.0_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|unit| unit * power).find(|step| *step >= raw).unwrap_or(raw);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|at| (at as f64 * step, format!("{:.digits$}", at as f64 * step + 0.0))).collect()
}

/// Text as it may stand in markup.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Not allowed in XML, not even as a reference.
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let labels: Vec<String> = ticks((0.0, 1.0)).into_iter().map(|tick| tick.1).collect();
        assert_eq!(labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert!(ticks((0.637, 0.8712)).iter().all(|tick| (0.637..=0.8712).contains(&tick.0)));
    }

    #[test]
    fn markup_in_names_is_escaped() {
        let mut plot = Plot::new("a<b", "", (0.0, 0.0), (0.0, 1.0));
        let svg = plot.line("\"x\" & y", "a", [(0.0, 0.5), (0.0, f64::INFINITY)]).finish("", "", true);
        assert!(svg.contains("a&lt;b") && svg.contains("&quot;x&quot; &amp; y") && !svg.contains("NaN"));
    }
}
