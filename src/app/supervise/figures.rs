//! One page of figures out of several processes' pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the pages say about one metric.
#[derive(Default)]
struct Family<'a> {
    /// Its HELP and TYPE lines, each once.
    about: Vec<&'a str>,
    samples: Vec<&'a str>,
}

/// Puts pages in Prometheus' text format together: each metric is described once, with the samples of all processes
/// below. The processes label their samples themselves.
pub(super) fn merge(pages: &[String]) -> String {
    let mut families: BTreeMap<&str, Family<'_>> = BTreeMap::new();
    for page in pages {
        let mut current = "";
        for line in page.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")) {
                Some(rest) => {
                    current = rest.split(' ').next().unwrap_or_default();
                    let about = &mut families.entry(current).or_default().about;
                    if !about.contains(&line) {
                        about.push(line);
                    }
                }
                None => families.entry(current).or_default().samples.push(line),
            }
        }
    }
    let mut merged = String::new();
    for family in families.values() {
        for line in family.about.iter().chain(&family.samples) {
            // Writing to a text cannot fail.
            let _ = writeln!(merged, "{line}");
        }
        merged.push('\n');
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_described_once_and_has_everybodys_samples() {
        let page = |process: &str| {
            format!(
                "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{{process=\"{process}\"}} 1\n\n\
                 # TYPE run_seconds histogram\nrun_seconds_bucket{{process=\"{process}\",le=\"1\"}} 1\n\
                 run_seconds_sum{{process=\"{process}\"}} 0.5\n\n"
            )
        };
        let expected = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{process=\"1\"} 1\n\
                        jobs_total{process=\"2\"} 1\n\n# TYPE run_seconds histogram\n\
                        run_seconds_bucket{process=\"1\",le=\"1\"} 1\nrun_seconds_sum{process=\"1\"} 0.5\n\
                        run_seconds_bucket{process=\"2\",le=\"1\"} 1\nrun_seconds_sum{process=\"2\"} 0.5\n\n";
        assert_eq!(merge(&[page("1"), page("2")]), expected);
    }
}
