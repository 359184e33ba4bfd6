//! The metrics as text: OpenMetrics, or version 0.0.4 of Prometheus.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeLabelKey, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _,
        LabelSetEncoder, prometheus_text, text,
    },
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use crate::families::{Family, Kind};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Version 0.0.4 of Prometheus.
    Prometheus,
}

impl Format {
    /// What the request accepts: OpenMetrics if its `Accept` names that, and does not refuse it.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let takes_it = accept.split(',').any(|range| {
            let mut parameters = range.split(';').map(str::trim);
            let is_it = parameters
                .next()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
            is_it && !parameters.any(is_refusal)
        });
        if takes_it { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// Whether a parameter is a quality of 0.
fn is_refusal(parameter: &str) -> bool {
    let quality = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    quality.is_some_and(|quality| quality.trim().parse::<f64>().is_ok_and(|quality| quality <= 0.0))
}

/// The value of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// A word of the program.
    Word(&'static str),
    /// From outside, so that it may hold anything.
    Name(Arc<str>),
}

impl Label {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Name(name) => name,
        }
    }
}

impl From<&'static str> for Label {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<String> for Label {
    fn from(name: String) -> Self {
        Self::Name(name.into())
    }
}

impl From<&Arc<str>> for Label {
    fn from(name: &Arc<str>) -> Self {
        Self::Name(Arc::clone(name))
    }
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Bytes and counts.
    Whole(u64),
    /// Seconds.
    Real(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// One series of a family: the values of its labels, in the family's order, and its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// As many as the family has labels.
    pub labels: Vec<Label>,
    /// The number.
    pub number: Number,
}

/// Everything that one answer exposes.
#[derive(Clone, Debug, Default)]
pub struct Page {
    families: Vec<(&'static Family, Vec<Series>)>,
}

impl Page {
    /// Begins a family, whose series follow.
    pub fn family(&mut self, family: &'static Family) -> &mut Self {
        self.families.push((family, Vec::new()));
        self
    }

    /// Adds a series to the family that was begun last.
    pub fn series(
        &mut self,
        labels: impl IntoIterator<Item = Label>,
        number: impl Into<Number>,
    ) -> &mut Self {
        if let Some((family, series)) = self.families.last_mut() {
            let labels: Vec<_> = labels.into_iter().collect();
            debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
            series.push(Series { labels, number: number.into() });
        }
        self
    }

    /// Adds a family without labels.
    pub fn single(&mut self, family: &'static Family, number: impl Into<Number>) -> &mut Self {
        self.family(family).series([], number)
    }

    /// The families with their series.
    #[must_use]
    pub fn families(&self) -> &[(&'static Family, Vec<Series>)] {
        &self.families
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.families.iter().map(|(_, series)| series.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As text.
    ///
    /// # Errors
    /// When the encoder refuses something, such as a name.
    pub fn encode(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut text, &registry)?,
            Format::Prometheus => prometheus_text::encode(&mut text, &registry)?,
        }
        Ok(text)
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (family, series) in self.families.iter().filter(|(_, series)| !series.is_empty()) {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(family.stem(), &family.help, None, kind)?;
            for Series { labels, number } in series {
                let labels = Labels { names: &family.labels, values: labels };
                let one = metric.encode_family(&labels)?;
                match (family.kind, *number) {
                    (Kind::Counter, Number::Whole(it)) => ConstCounter::new(it).encode(one)?,
                    (Kind::Counter, Number::Real(it)) => ConstCounter::new(it).encode(one)?,
                    (Kind::Gauge, Number::Whole(it)) => ConstGauge::new(it).encode(one)?,
                    (Kind::Gauge, Number::Real(it)) => ConstGauge::new(it).encode(one)?,
                }
            }
        }
        Ok(())
    }
}

/// Labels with their values.
struct Labels<'a> {
    names: &'a [&'static str],
    values: &'a [Label],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in self.names.iter().zip(self.values) {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            EncodeLabelKey::encode(name, &mut key)?;
            let mut text = key.encode_label_value()?;
            EncodeLabelValue::encode(&value.as_str(), &mut text)?;
            text.finish()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        by::By,
        families::{self, Measure, Part},
    };

    fn hostile(format: Format) -> String {
        let mut page = Page::default();
        let family = families::of_part(Part::Group(By::Command), Measure::Moved);
        page.family(family);
        for name in ["a\"} 1\nzc_up 0", "back\\slash\\n", "nginx", "", "\r\t\u{202e}é{}=,#"] {
            page.series([Label::Name(name.into()), "file_read".into()], 1_000_003_u64);
        }
        page.single(&families::BPF_RUN_SECONDS, 0.25).single(&families::GROUPS, u64::MAX);
        page.encode(format).unwrap()
    }

    /// The lines that a reader takes for samples: name, labels, number.
    fn samples(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn hostile_names_add_no_line_and_no_label() {
        for format in [Format::OpenMetrics, Format::Prometheus] {
            let text = hostile(format);
            let samples = samples(&text);
            assert_eq!(samples.len(), 7, "{text}");
            assert!(!text.lines().any(|line| line.starts_with("zc_up")), "{text}");
            assert!(
                text.contains(r#"command="a\"} 1\nzc_up 0",path="file_read"} 1000003"#),
                "{text}"
            );
            assert!(text.contains(r#"command="back\\slash\\n""#), "{text}");
        }
    }

    #[test]
    fn each_format_is_as_its_specification_has_it() {
        let open = hostile(Format::OpenMetrics);
        assert!(open.ends_with("# EOF\n"), "{open}");
        assert!(open.contains("# TYPE zc_command_moved_bytes counter\n"), "{open}");
        assert!(open.contains("\nzc_command_moved_bytes_total{"), "{open}");
        let plain = hostile(Format::Prometheus);
        assert!(!plain.contains("# EOF"), "{plain}");
        assert!(plain.contains("# TYPE zc_command_moved_bytes_total counter\n"), "{plain}");
        for text in [open, plain] {
            assert!(text.contains("\nzc_bpf_run_seconds_total 0.25\n"), "{text}");
            assert!(text.contains("\nzc_groups 18446744073709551615\n"), "{text}");
        }
    }

    #[test]
    fn the_format_is_what_the_scraper_accepts() {
        // What Prometheus 2.42 and 3 send.
        let two = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(two), Format::OpenMetrics);
        for plain in [
            "",
            "*/*",
            "text/plain;version=0.0.4",
            "text/html, application/openmetrics-text;q=0",
            "application/openmetrics-textual",
        ] {
            assert_eq!(Format::accepted(plain), Format::Prometheus, "{plain}");
        }
    }
}
