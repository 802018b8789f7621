//! The plots of the document, as SVG.

use anyhow::Result;
use plotters::prelude::*;

use super::{folder, observe::Sample, pods::SERVICES};

/// Of one service's panel, in pixels.
const PANEL: (u32, u32) = (900, 110);
/// One pod more than any autoscaler of the overlay may ask for.
const MOST: i32 = 6;
const DESIRED: RGBColor = RGBColor(31, 119, 180);
const READY: RGBColor = RGBColor(255, 127, 14);

/// Replicas over time: a panel a service, what the autoscaler wants and what is ready.
pub fn replicas(name: &str, samples: &[Sample]) -> Result<()> {
    let path = folder()?.join(name);
    let rows = u32::try_from(SERVICES.len())?;
    let area = SVGBackend::new(&path, (PANEL.0, PANEL.1 * rows + 30)).into_drawing_area();
    area.fill(&WHITE)?;
    let (legend, panels) = area.split_vertically(30);
    let style = ("sans-serif", 14).into_font();
    legend.draw_text("wanted by the autoscaler", &style.clone().color(&DESIRED), (60, 8))?;
    legend.draw_text("ready processes", &style.color(&READY), (260, 8))?;
    legend.draw_text("(seconds)", &("sans-serif", 14).into_font().color(&BLACK), (800, 8))?;
    let end = samples.last().map_or(1.0, |sample| sample.at);
    for (service, panel) in SERVICES.iter().zip(panels.split_evenly((SERVICES.len(), 1))) {
        let mut chart = ChartBuilder::on(&panel)
            .caption(service, ("sans-serif", 14))
            .margin_right(15)
            .set_label_area_size(LabelAreaPosition::Left, 40)
            .set_label_area_size(LabelAreaPosition::Bottom, 18)
            .build_cartesian_2d(0.0..end, 0..MOST)?;
        chart.configure_mesh().y_labels(4).light_line_style(WHITE).draw()?;
        let of = |sample: &Sample| sample.services[*service];
        let ready = samples.iter().map(|s| (s.at, i32::try_from(of(s).ready).unwrap_or(MOST)));
        chart.draw_series(LineSeries::new(ready, READY.stroke_width(2)))?;
        let desired = samples.iter().map(|s| (s.at, of(s).desired));
        chart.draw_series(LineSeries::new(desired, DESIRED.stroke_width(2)))?;
    }
    area.present()?;
    Ok(())
}

/// A line with a name.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Lines over the number of users, whose steps are of one width: 5 stands as far from 10 as 40 from 200.
pub fn lines(name: &str, caption: &str, users: &[u32], lines: &[Line]) -> Result<()> {
    let path = folder()?.join(name);
    let area = SVGBackend::new(&path, (PANEL.0, 360)).into_drawing_area();
    area.fill(&WHITE)?;
    let most = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(1.0, f64::max) * 1.1;
    let last = users.len().saturating_sub(1) as f64;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 16))
        .margin(15)
        .set_label_area_size(LabelAreaPosition::Left, 60)
        .set_label_area_size(LabelAreaPosition::Bottom, 35)
        .build_cartesian_2d(-0.1..last + 0.1, 0.0..most)?;
    let label = |x: &f64| {
        let near = (x - x.round()).abs() < 0.01 && *x > -0.05;
        let step = users.get(x.round().max(0.0) as usize).filter(|_| near);
        step.map_or(String::new(), ToString::to_string)
    };
    chart
        .configure_mesh()
        .x_labels(users.len() * 2)
        .x_label_formatter(&label)
        .x_desc("users")
        .light_line_style(WHITE)
        .draw()?;
    for (number, line) in lines.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        let series =
            chart.draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)).point_size(3))?;
        series.label(&line.name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .border_style(BLACK)
        .background_style(WHITE)
        .position(SeriesLabelPosition::UpperLeft)
        .draw()?;
    area.present()?;
    Ok(())
}
