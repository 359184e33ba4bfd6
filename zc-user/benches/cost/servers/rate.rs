//! What the clients of the servers print, as operations per second.

use serde_json::Value;

/// wrk: `Requests/sec:  72345.67`.
pub(crate) fn wrk(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"))?;
    positive(line)
}

/// `redis-benchmark --csv`: `"GET","104166.67"`, with further columns since 6.2.
pub(crate) fn redis(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("\"GET\","))?;
    positive(line.split(',').next()?.trim_matches('"'))
}

/// `fio --output-format=json`, which may print warnings first.
pub(crate) fn fio(text: &str) -> Option<f64> {
    let (_, rest) = text.split_once('{')?;
    let report: Value = serde_json::from_str(&format!("{{{rest}")).ok()?;
    let job = report["jobs"].get(0)?;
    if job["error"].as_i64() != Some(0) {
        return None;
    }
    job["read"]["iops"].as_f64().filter(|rate| *rate > 0.0)
}

/// `iperf3 --json`: bytes received per second.
pub(crate) fn iperf3(text: &str) -> Option<f64> {
    let report: Value = serde_json::from_str(text).ok()?;
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64()?;
    Some(bits / 8.0).filter(|rate| *rate > 0.0)
}

fn positive(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|rate: &f64| *rate > 0.0)
}
