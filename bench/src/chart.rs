//! Charts as SVG.

use std::path::Path;

use plotters::prelude::*;
use serde::{Deserialize, Serialize};

/// Readable on white and on black: the charts have no background.
const INK: RGBColor = RGBColor(125, 133, 144);
const COLOURS: [RGBColor; 5] = [
    RGBColor(47, 129, 247),
    RGBColor(219, 109, 40),
    RGBColor(46, 160, 67),
    RGBColor(163, 113, 247),
    RGBColor(219, 97, 162),
];
const SIZE: (u32, u32) = (720, 360);

/// One line of a chart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// What was measured.
    pub points: Vec<(f64, f64)>,
}

/// Something that depends on something else. Both grow from left to right by powers of ten; the one
/// that depends begins at zero.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chart {
    /// Name of the file, without its ending.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// What is along the bottom, with its unit.
    pub x: String,
    /// What is along the side, with its unit.
    pub y: String,
    /// What was measured.
    pub lines: Vec<Line>,
}

impl Chart {
    /// Draws it into a folder.
    pub(crate) fn draw(&self, folder: &Path) -> anyhow::Result<()> {
        let file = folder.join(format!("{}.svg", self.name));
        let area = SVGBackend::new(&file, SIZE).into_drawing_area();
        self.draw_on(&area).map_err(|error| anyhow::anyhow!("drawing {}: {error}", file.display()))
    }

    fn draw_on<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync + 'static>>
    where
        B::ErrorType: 'static,
    {
        let points = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let least_x = points().map(|(x, _)| x).fold(f64::INFINITY, f64::min);
        let most_x = points().map(|(x, _)| x).fold(0.0, f64::max);
        let most_y = points().map(|(_, y)| y).fold(0.0, f64::max);
        let font = |size: i32| ("sans-serif", size).into_font().color(&INK);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, font(18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d((least_x.max(1e-3)..most_x * 1.05).log_scale(), 0.0..most_y * 1.1)?;
        chart
            .configure_mesh()
            .x_desc(&self.x)
            .y_desc(&self.y)
            .axis_desc_style(font(14))
            .label_style(font(13))
            .axis_style(INK)
            .bold_line_style(INK.mix(0.3))
            .light_line_style(INK.mix(0.0))
            .x_label_formatter(&|number| short(*number))
            .y_label_formatter(&|number| short(*number))
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style).point_size(3))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
        }
        if self.lines.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::LowerRight)
                .label_font(font(13))
                .border_style(INK.mix(0.5))
                .draw()?;
        }
        Ok(area.present()?)
    }

    pub(crate) fn markdown(&self, folder: &str) -> String {
        format!("![{}: {} against {}]({folder}/{}.svg)\n", self.title, self.y, self.x, self.name)
    }
}

/// 1,500,000 as 1.5 M.
fn short(number: f64) -> String {
    let (divided, unit) = match number.abs() {
        1e6.. => (number / 1e6, " M"),
        1e3.. => (number / 1e3, " k"),
        _ => (number, ""),
    };
    // Up to three digits, and no zeros behind the point.
    let text = format!("{divided:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_shown_short() {
        let shown = [0.0, 0.05, 1.0, 64.0, 1_500.0, 10_000_000.0].map(short);
        assert_eq!(shown, ["0", "0.05", "1", "64", "1.5 k", "10 M"]);
    }

    #[test]
    fn a_chart_names_its_axes_with_their_units() {
        let folder = tempfile::tempdir().unwrap();
        let chart = Chart {
            name: "demo".to_owned(),
            title: "Demo".to_owned(),
            x: "signers".to_owned(),
            y: "signatures per second".to_owned(),
            lines: vec![Line { name: "EdDSA".to_owned(), points: vec![(1.0, 2.0), (64.0, 3.0)] }],
        };
        chart.draw(folder.path()).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("demo.svg")).unwrap();
        assert!(svg.contains("signatures per second") && svg.contains("signers"), "{svg}");
    }
}
