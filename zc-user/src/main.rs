//! temporary
use zc::{
    probe::{attach::Options, live::Live},
    sample::source::SnapshotSource as _,
};
fn main() -> anyhow::Result<()> {
    let mut live = Live::start(&Options {
        verifier_log: std::env::args().nth(1).is_some(),
        ..Options::default()
    })?;
    for g in &live.attached().groups {
        eprintln!("{:?}", g);
    }
    let status = std::process::Command::new("dd")
        .args(["if=/etc/passwd", "of=/dev/null", "bs=100"])
        .status()?;
    for e in std::fs::read_dir("/proc/self/fdinfo")?.flatten() {
        let t = std::fs::read_to_string(e.path()).unwrap_or_default();
        if t.contains("verified_insns") {
            eprintln!(
                "{} {}",
                std::fs::read_link(format!("/proc/self/fd/{}", e.file_name().to_str().unwrap()))
                    .unwrap()
                    .display(),
                t.replace("\n", " ").replace("\t", "")
            );
        }
    }
    let snap = live.next()?.unwrap();
    for p in snap.processes.iter().filter(|p| &*p.comm == "dd") {
        println!("{}", serde_json::to_string(p)?);
    }
    println!("{:?} {:?} {:?} {:?}", status, snap.losses, snap.self_cost, snap.devices);
    println!("{:?}", snap.unattributed);
    Ok(())
}
