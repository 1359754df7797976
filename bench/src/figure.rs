//! Figures: samples with their median, least and greatest, and what they have to reach.

use serde::{Deserialize, Serialize};

/// What was measured one after the other, mostly ratios.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds one.
    pub fn add(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one in the middle; of an even number, the mean of the two in the middle; NaN of none.
    #[must_use]
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        f64::midpoint(middle((sorted.len().max(1) - 1) / 2), middle(sorted.len() / 2))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

/// What the median has to reach.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    /// It is to be so large or larger.
    AtLeast(f64),
    /// It is to be so small or smaller.
    AtMost(f64),
}

impl Bound {
    fn holds(self, median: f64) -> bool {
        match self {
            Self::AtLeast(bound) => median >= bound,
            Self::AtMost(bound) => median <= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
        }
    }
}

/// One figure, and what it has to reach.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    title: String,
    median: f64,
    least: f64,
    greatest: f64,
    samples: Samples,
    wanted: Bound,
    reached: bool,
}

impl Figure {
    /// The title tells what is divided by what.
    #[must_use]
    pub fn new(title: impl Into<String>, samples: Samples, wanted: Bound) -> Self {
        let (sorted, median) = (samples.sorted(), samples.median());
        Self {
            title: title.into(),
            median,
            least: sorted.first().copied().unwrap_or(f64::NAN),
            greatest: sorted.last().copied().unwrap_or(f64::NAN),
            reached: wanted.holds(median),
            samples,
            wanted,
        }
    }

    /// Its line of a Markdown table with the head [`Figure::HEAD`].
    #[must_use]
    pub fn line(&self) -> String {
        let Self { title, median, least, greatest, samples: _, wanted, reached } = self;
        let verdict = if *reached { "reached" } else { "**missed**" };
        format!("| {title} | {median:.3} | {least:.3} | {greatest:.3} | {} | {verdict} |\n", wanted.text())
    }

    /// See [`Figure::line`].
    pub const HEAD: &str =
        "| figure | median | least | greatest | wanted | |\n|---|---:|---:|---:|---|---|\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(Samples::from_iter([4.0, 1.0, 3.0, 2.0]).median(), 2.5);
        assert_eq!(Samples::from_iter([9.0, 1.0, 3.0]).median(), 3.0);
    }

    #[test]
    fn a_figure_tells_whether_its_median_is_what_is_wanted() {
        let samples = Samples::from_iter([0.9, 1.0, 0.8]);
        assert!(Figure::new("a", samples.clone(), Bound::AtLeast(0.9)).reached);
        assert!(!Figure::new("a", samples.clone(), Bound::AtLeast(0.91)).reached);
        assert!(Figure::new("a", samples, Bound::AtMost(0.9)).reached);
        assert!(!Figure::new("nothing measured", Samples::default(), Bound::AtLeast(0.0)).reached);
    }
}
