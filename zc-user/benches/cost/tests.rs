//! The parts of the benchmark that can be tested: without a harness it runs no tests of its own.

#[path = "servers/rate.rs"]
mod rate;

use rate::{fio, iperf3, redis, wrk};

#[test]
fn wrk_prints_a_summary() {
    let text = "Running 3s test @ http://127.0.0.1:1/1k\n  1 threads and 8 connections\n\
                Requests/sec:  72345.67\nTransfer/sec:     88.01MB\n";
    assert_eq!(wrk(text), Some(72345.67));
    assert_eq!(wrk("unable to connect"), None);
    assert_eq!(wrk("Requests/sec:      0.00"), None);
}

#[test]
fn redis_benchmark_prints_a_line_per_test() {
    assert_eq!(redis("\"GET\",\"104166.67\"\n"), Some(104_166.67));
    let newer = "\"test\",\"rps\",\"avg_latency_ms\"\n\"GET\",\"99800.40\",\"0.061\"\n";
    assert_eq!(redis(newer), Some(99800.40));
    assert_eq!(redis("Could not connect to Redis\n"), None);
}

#[test]
fn fio_prints_json_after_warnings() {
    let text =
        "fio: a warning\n{ \"jobs\": [ { \"error\": 0, \"read\": { \"iops\": 1060000.5 } } ] }\n";
    assert_eq!(fio(text), Some(1_060_000.5));
    assert_eq!(fio(&text.replace("\"error\": 0", "\"error\": 5")), None);
    assert_eq!(fio("fio: no such file\n"), None);
}

#[test]
fn iperf3_prints_bits() {
    let text = "{ \"end\": { \"sum_received\": { \"bits_per_second\": 8.0e9 } } }";
    assert_eq!(iperf3(text), Some(1e9));
    assert_eq!(iperf3("{ \"error\": \"unable to connect\" }"), None);
}
