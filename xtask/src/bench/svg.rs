//! A bar for each workload, as SVG; a line marks the stock VM's speed.

use std::fmt::Write as _;

use super::Line;

const LABELS: f64 = 150.0;
const BARS: f64 = 480.0;
const NUMBERS: f64 = 60.0;
const ROW: f64 = 22.0;
const TOP: f64 = 44.0;

/// The plot of a table of results.
pub fn plot(heading: &str, lines: &[Line]) -> String {
    let speeds: Vec<(&str, f64)> = lines
        .iter()
        .filter_map(|line| Some((line.workload.as_str(), line.speed()?)))
        .collect();
    let most = speeds.iter().map(|&(_, speed)| speed).fold(1.2, f64::max);
    let scale = BARS / most;
    let (mut y, mut body) = (TOP, String::new());
    for (name, speed) in &speeds {
        let colour = if *speed >= 1.0 { "#2a7f62" } else { "#b5651d" };
        let middle = y + ROW * 0.68;
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS:.0}\" y=\"{:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{middle:.0}\">{speed:.2}</text>",
            LABELS - 8.0,
            escape(name),
            y + 3.0,
            speed * scale,
            ROW - 6.0,
            LABELS + speed * scale + 6.0,
        );
        y += ROW;
    }
    let (width, height, one) = (LABELS + BARS + NUMBERS, y + 14.0, LABELS + scale);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"22\" font-weight=\"bold\">{}: speed, the stock VM is 1</text>\n{body}\
         <line x1=\"{one:.1}\" y1=\"{:.0}\" x2=\"{one:.1}\" y2=\"{y:.0}\" stroke=\"black\" stroke-dasharray=\"4 3\"/>\n\
         </svg>\n",
        escape(heading),
        TOP - 6.0,
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
