//! Programs are loaded several at a time where there are several CPUs, and one by one where there is only
//! one: the outcome is the same, whatever the kernel refuses.

use super::{
    agreement::group,
    zc::{Finished, ZC, run, through},
};

/// What leaves one CPU.
const ONE_CPU: [&str; 2] = ["taskset", "1"];

/// Runs `zc` in these circumstances: on all CPUs, and on one.
fn both(circumstances: &[&str], arguments: &[&str]) -> [Finished; 2] {
    let zc = ZC.as_ref();
    let all = if circumstances.is_empty() { &["env"] } else { circumstances };
    [through(all, zc, arguments), through(&[&ONE_CPU, all].concat(), zc, arguments)].map(run)
}

#[track_caller]
fn agree([all, one]: &[Finished; 2]) {
    assert_eq!(all.stdout(), one.stdout());
    assert_eq!(all.stderr(), one.stderr());
    assert_eq!(all.output.status, one.output.status);
}

#[test]
fn what_is_attached_does_not_depend_on_the_number_of_cpus() {
    let words = ["doctor", "--json", "--max-threads", "8192"];
    let reports = both(&[], &words);
    agree(&reports);
    let [report, _] = reports;
    assert!(report.exits(0).stdout().contains("copy_files"));
    agree(&both(&[], &[&words[..], &["--without", "functions", "--without", "tax"]].concat()));
}

#[test]
fn a_refusal_does_not_depend_on_the_number_of_cpus() {
    for circumstances in [
        &["setpriv", "--bounding-set=-all", "--inh-caps=-all"][..],
        &["setpriv", "--bounding-set=-all,+bpf"],
        &["unshare", "--user", "--map-root-user"],
        // Not enough for the maps.
        &["prlimit", "--nofile=16"],
    ] {
        let reports = both(circumstances, &["stat", "--", "true"]);
        agree(&reports);
        let [report, _] = reports;
        report.fails(1, &["cannot load eBPF"]);
    }
}

#[test]
fn where_files_run_short_the_first_groups_get_them() {
    // Enough for the maps and the system calls, and not for everything. Which file is the one too many
    // depends on how many the test has inherited: several limits, so that it is one of each kind.
    for limit in 70..76 {
        let few = format!("--nofile={limit}");
        let reports = both(&["prlimit", &few], &["doctor", "--json", "--max-threads", "8192"]);
        agree(&reports);
        let [report, _] = reports;
        let report = report.exits(0).json();
        assert_eq!(group(&report, "core")["verdict"], "OK", "{report:#}");
        let tax = group(&report, "tax")["what"].to_string();
        assert!(tax.contains("too many open files"), "{tax}");
        // And not the error of the second attempt, which asks for the verifier's log.
        assert!(!report.to_string().contains("Invalid argument"), "{report:#}");
    }
}
