//! `zc config check` of what is no file of settings.

use std::{fs::File, path::Path};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::zc::{run, zc};

#[test]
fn what_is_no_file_of_settings_is_refused_at_once() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let refused = |path: &Path, said: &[&str]| {
        let mut command = zc(["config", "check"]);
        command.arg(path);
        run(command).fails(2, said);
    };
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    refused(&at("fifo"), &["fifo", "no end within 1 s"]);
    refused(home.path(), &["directory"]);
    refused(Path::new("/dev/zero"), &["more than 262144 bytes"]);
    File::create(at("huge")).unwrap().set_len(1 << 30).unwrap();
    refused(&at("huge"), &["more than 262144 bytes"]);
    refused(&at("none"), &["there is no such file"]);
    std::fs::write(at("latin"), b"theme = 'dark'\n# \xc3\xa9 caf\xe9\n").unwrap();
    let mut command = zc(["config", "check"]);
    command.arg(at("latin"));
    let said = run(command).exits(2).stderr();
    assert!(said.contains("latin:2:8: this is no text in UTF-8"), "{said}");
}

#[test]
fn filters_of_the_settings_have_names_on_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("zc")).unwrap();
    let text = "[filters]\nweb = \"nginx or haproxy\"\n";
    std::fs::write(home.path().join("zc/config.toml"), text).unwrap();
    let with = |filter: &str| {
        let mut command = zc(["export", "--format", "csv", "--filter", filter, "/none"]);
        command.env("XDG_CONFIG_HOME", home.path());
        run(command).exits(if filter.contains("@wbe") { 2 } else { 1 }).stderr()
    };
    // It is understood: what is missing is the recording.
    assert!(with("@web and not curl").contains("/none"));
    let said = with("curl or @wbe");
    assert!(said.contains("character 9") && said.contains("did you mean 'web'?"), "{said}");
}
