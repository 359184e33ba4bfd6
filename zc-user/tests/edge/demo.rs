//! The workshop tour, live: in tmux to its end, as text, without privileges, and cut short.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::Signal;

use super::zc::{Running, UNPRIVILEGED, ZC, public, run, through, until, zc};

/// A tour that takes no time to read, with workloads that take next to none.
const QUICK: [&str; 7] = ["demo", "--speed", "1000", "--size", "1048573", "--repeat", "1"];

/// A tour of a few scenes, of every kind.
const SHORT: &str = "\
    title Welcome\n\
    say What is copied?\n\
    step read_write sink=tcp\n\
    say Everything, twice.\n\
    step sendfile sink=tcp\n\
    compare read_write sendfile sink=pipe\n\
    hazard sigbus\n";

/// Two cores, and every tour has a worker and a receiver: one tour after the other ends soonest.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    // A failed test poisons the lock; the next test can run all the same.
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A terminal that tmux draws, so that the test can read the screen. It ends with the test.
struct Tmux {
    directory: tempfile::TempDir,
}

impl Tmux {
    /// Runs `zc` with these words on a terminal of 80x24.
    fn run(words: &[&str]) -> Self {
        Self::run_with(&[], words)
    }

    /// The same, with more in its environment.
    fn run_with(variables: &[&str], words: &[&str]) -> Self {
        let tmux = Self { directory: tempfile::tempdir().unwrap() };
        let config = tmux.directory.path().join("config");
        // What was written stays when the program has ended.
        fs::write(&config, "set -g remain-on-exit on\n").unwrap();
        let mut start = vec!["-f", config.to_str().unwrap(), "new-session", "-d", "-x", "80"];
        let status = tmux.status();
        // tmux itself does not always get to know how its program ended. All at once: the file is
        // there when it is complete.
        let tell = "\"$@\"; echo $? > \"$0.part\"; mv \"$0.part\" \"$0\"";
        start.extend(["-y", "24", "sh", "-c", tell, status.to_str().unwrap()]);
        start.extend(["env", "LC_ALL=C.UTF-8"]);
        start.extend(variables);
        start.push(&*ZC);
        start.extend(words);
        tmux.tell(&start);
        tmux
    }

    fn tell(&self, words: &[&str]) -> String {
        let socket = self.directory.path().join("socket");
        let mut command = Command::new("tmux");
        let output = command.arg("-S").arg(socket).args(words).output().unwrap();
        assert!(output.status.success(), "tmux {words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        // With what was scrolled away: tmux adds a line of its own when the program has ended.
        self.tell(&["capture-pane", "-p", "-S", "-"])
    }

    /// The status with which the program ended, if it did.
    fn ended(&self) -> Option<String> {
        let status = fs::read_to_string(self.status()).ok()?;
        Some(status.trim().to_owned())
    }

    fn status(&self) -> PathBuf {
        self.directory.path().join("status")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // Only this server, whose socket no other process knows.
        let socket = self.directory.path().join("socket");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

/// How many workloads there were, by the line that tells of all of them.
#[track_caller]
fn workloads(text: &str) -> usize {
    let text = text.trim_end();
    let tally = text.lines().find_map(|line| line.split_once(" workloads: "));
    let (count, _) = tally.unwrap_or_else(|| panic!("no tally in:\n{text}"));
    count.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn in_tmux_it_comes_to_its_end_by_itself() {
    let _alone = alone();
    let tmux = Tmux::run(&QUICK);
    // The summary stays until a key (B16).
    until("the summary is there", || {
        assert_eq!(tmux.ended(), None, "{}", tmux.screen());
        tmux.screen().contains("Space leaves the tour")
    });
    tmux.tell(&["send-keys", "Space"]);
    let mut status = None;
    until("the tour is over", || {
        status = tmux.ended();
        status.is_some()
    });
    let screen = tmux.screen();
    assert_eq!(status.as_deref(), Some("0"), "{screen}");
    // Back on the screen that was there before, with one line more.
    assert!(workloads(&screen) >= 4, "{screen}");
    assert!(!screen.contains("zc demo") && !screen.contains("Summary"), "{screen}");
}

#[test]
fn in_tmux_the_last_screen_sums_up() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("short");
    fs::write(&script, SHORT).unwrap();
    let words = ["--wait", "--script", script.to_str().unwrap()];
    let tmux = Tmux::run(&[&QUICK[..], &words].concat());
    let (mut before, mut answered) = (String::new(), String::new());
    until("the summary is there", || {
        let screen = tmux.screen();
        // Everything else waits for a key; the summary must not get one. So each screen gets one key, once
        // it is drawn: on a busy machine it stays for a while after the key.
        let is_drawn = screen == before;
        before.clone_from(&screen);
        let is_summary = screen.contains("Summary");
        if is_drawn && !is_summary && screen != answered && screen.contains("Space: continue") {
            tmux.tell(&["send-keys", "n"]);
            answered.clone_from(&screen);
        }
        is_summary
    });
    let screen = tmux.screen();
    assert!(workloads(&screen) >= 4 && !screen.contains("unexplained"), "{screen}");
    for row in ["read + write, tcp", "sendfile, tcp", "read + write, pipe", "truncated"] {
        assert!(screen.contains(row), "no {row} in:\n{screen}");
    }
    assert!(screen.contains("Space Pause/Next"), "{screen}");
    tmux.tell(&["send-keys", "Space"]);
    until("the tour is over", || tmux.ended().is_some());
    assert_eq!(tmux.ended().as_deref(), Some("0"), "{}", tmux.screen());
}

#[test]
fn the_tour_has_the_colours_of_the_settings_unless_it_is_given_others() {
    // What the key in the footer has in either theme, of 256 colours.
    const DARK: &str = "38;5;110m";
    const LIGHT: &str = "38;5;24m";
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("zc")).unwrap();
    fs::write(directory.path().join("zc/config.toml"), "theme = \"light\"\n").unwrap();
    let home = format!("XDG_CONFIG_HOME={}", directory.path().display());
    for (options, color, other) in
        [(&[][..], LIGHT, DARK), (&["--theme", "dark"], DARK, LIGHT), (&["--big"], LIGHT, DARK)]
    {
        let words = [&["demo", "--wait"], options].concat();
        let tmux = Tmux::run_with(&[&home, "TERM=xterm-256color", "COLORFGBG=15;0"], &words);
        until("the first scene is there", || tmux.screen().contains("Space Pause/Next"));
        let screen = tmux.tell(&["capture-pane", "-e", "-p"]);
        assert!(screen.contains(color) && !screen.contains(other), "{options:?}: {screen:?}");
        tmux.tell(&["send-keys", "q"]);
        until("the tour is over", || tmux.ended().is_some());
    }
}

#[test]
fn as_text_it_says_the_same_every_time() {
    // The words, without what is counted.
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("short");
    fs::write(&script, SHORT).unwrap();
    let words = || {
        let script = ["--script", script.to_str().unwrap()];
        let text = run(zc([&QUICK[..], &script].concat())).exits(0).stdout();
        let is_figure = |line: &str| {
            // How many pages a fault maps depends on the cache; addresses on chance.
            line.contains(['│', '└'])
                || line.contains("0x")
                || [
                    "Syscalls",
                    "Minor",
                    "Major",
                    "Cache",
                    "Ctx",
                    "CPU",
                    "Time",
                    "Throughput",
                    "Mode",
                ]
                .iter()
                .any(|word| line.trim_start().starts_with(word))
        };
        let (tour, rest) = text.split_once("Summary").unwrap();
        assert!(workloads(rest) >= 4, "{rest}");
        let lines = tour.lines().filter(|line| !is_figure(line)).map(str::to_owned);
        lines.collect::<Vec<String>>()
    };
    let first = words();
    assert!(first.iter().any(|line| line.contains("as the textbook says")), "{first:#?}");
    assert_eq!(first, words());
}

#[test]
fn without_privileges_it_goes_on_and_says_what_is_not_measured() {
    let _alone = alone();
    let (_directory, copy) = public();
    let finished = run(through(&UNPRIVILEGED, &copy, &QUICK)).exits(0);
    let text = finished.stdout();
    assert!(text.contains("Nothing is counted here") && text.contains("CAP_BPF"), "{text}");
    assert!(text.contains("not measured") && !text.contains("as the textbook"), "{text}");
}

#[test]
fn a_script_of_ones_own_is_understood_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("my.zcdemo");
    let demo = |text: &str| {
        fs::write(&path, text).unwrap();
        run(zc(["demo", "--size", "100003", "--repeat", "1", "--script", path.to_str().unwrap()]))
    };
    let text = demo("step read_write sink=pipe\nsay Copied twice.\n").exits(0).stdout();
    assert!(text.contains("Copied twice.") && text.contains("1 workload: 1 as"), "{text}");
    demo("step read_write\nstep sendfil\n").fails(2, &["my.zcdemo:2:", "did you mean 'sendfile'"]);
    demo("").fails(2, &["no scenes"]);
    run(zc(["demo", "--script", "/no/such/script"]))
        .fails(2, &["cannot read the script", "there is no such file", "zc demo --print-script"]);
    run(zc(["demo", "--loop"])).fails(2, &["--loop needs a terminal"]);
}

#[test]
fn what_is_printed_as_a_script_is_one() {
    let text = run(zc(["demo", "--print-script"])).exits(0).stdout();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("printed");
    fs::write(&path, &text).unwrap();
    assert!(zc_lab::tour::parse::parse(&text).is_ok());
    assert!(text.contains("step read_write"), "{text}");
}

#[test]
fn it_speaks_the_language_of_the_option_or_of_the_environment() {
    let title = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = zc([&["demo", "--print-script"], words].concat());
        for name in ["LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let text = run(command).exits(0).stdout();
        text.lines().find_map(|line| line.strip_prefix("title ")).unwrap().to_owned()
    };
    let (english, chinese) = ("From a file to the network", "从文件到网络");
    for (words, variables, expected) in [
        (&[][..], &[][..], english),
        (&[], &[("LANG", "zh_CN.UTF-8")], chinese),
        (&[], &[("LANG", "zh_CN.GB18030")], english),
        (&["--lang", "zh"], &[("LANG", "en_GB.UTF-8")], chinese),
        (&["--lang", "en"], &[("LANG", "zh_CN.UTF-8")], english),
    ] {
        assert_eq!(title(words, variables), expected, "{words:?}, {variables:?}");
    }
    for verb in [&["demo"][..], &["lab", "mystery"]] {
        let said = run(zc([verb, &["--lang", "fr"]].concat())).exits(2).stderr();
        assert!(said.contains("'fr' for '--lang") && said.contains("en, zh"), "{said}");
    }
    let said = run(zc(["demo", "--print-script", "--wait"])).exits(2).stderr();
    assert!(said.contains("--wait") && said.contains("--print-script"), "{said}");
}

#[test]
fn in_chinese_it_says_what_it_says_in_english() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let script = path("short");
    let file = path("handout.md");
    fs::write(&script, SHORT).unwrap();
    let words = ["--lang", "zh", "--script", &script, "--report", &file];
    let text = run(zc([&QUICK[..], &words].concat())).exits(0).stdout();
    for said in ["4 个场景", " 个负载：", "总结", "隐患：读取映射的文件时它被截短", "自己运行："]
    {
        assert!(text.contains(said), "no {said} in:\n{text}");
    }
    for said in ["Type this", "as the textbook", "Summary", "theory"] {
        assert!(!text.contains(said), "{said} in:\n{text}");
    }
    let handout = fs::read_to_string(&file).unwrap();
    let (exercises, solutions) = handout.rsplit_once("答案").unwrap();
    assert!(exercises.contains("每个字节的 CPU 拷贝次数"), "{handout}");
    assert!(solutions.contains("zc lab run sendfile --sink tcp"), "{handout}");
}

#[test]
fn a_workload_that_fails_fails_the_tour() {
    let directory = "/proc/no/such/directory";
    assert!(!Path::new(directory).exists());
    let words = [&QUICK[..], &["--dir", directory]].concat();
    let text = run(zc(words)).exits(1).stdout();
    assert!(text.contains("failed: cannot"), "{text}");
    assert!(!text.contains("\nTwo copies per byte"), "{text}");
}

#[test]
fn a_signal_cuts_it_short() {
    for (kind, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut tour = Running::start(zc(["demo", "--text", "--repeat", "1000"]));
        tour.line();
        tour.signal(kind);
        let (status, ..) = tour.end();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn a_handout_is_written_at_the_end() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let script = path("short");
    fs::write(&script, SHORT).unwrap();
    for (name, begins) in
        [("f.html", "<!DOCTYPE html>"), ("f.md", "# The copies"), ("f.txt", "The")]
    {
        let file = path(name);
        run(zc([&QUICK[..], &["--script", &script, "--report", &file]].concat())).exits(0);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(begins), "{name}: {text}");
        let (exercises, solutions) = text.rsplit_once("Solutions").unwrap();
        assert!(exercises.contains("CPU copies of each byte"), "{name}");
        assert!(solutions.contains("zc lab run sendfile --sink tcp"), "{name}");
    }
    let page = fs::read_to_string(path("f.html")).unwrap();
    let (exercises, solutions) = page.split_once("<section id=\"solutions\">").unwrap();
    // Four arrows in a wide and a narrow picture of each of four scenarios, and two blanks below each.
    assert_eq!(exercises.matches("______").count(), 4 * (4 + 4 + 2), "{page}");
    assert_eq!(solutions.matches("______").count(), 0);
    assert!(!exercises.contains("1.00 MiB"), "an answer is among the questions: {page}");
    let ids =
        page.match_indices(" id=\"").map(|(at, word)| page[at + word.len()..].split('"').next());
    let mut ids: Vec<_> = ids.collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id occurs twice");
    let nowhere = path("no/such/f.html");
    let finished = run(zc([&QUICK[..], &["--report", &nowhere]].concat()));
    finished.fails(2, &["cannot write the handout", "no such directory"]);
}
