//! "Type this": the command that repeats a scene outside of the tour, and what its program does, in C.

use super::script::{Act, How};
use crate::workload::scenario::Scenario;

/// The calls of a mechanism: three lines at most.
type Code = &'static [&'static str];

/// The calls of the mechanisms in the built-in tour.
#[rustfmt::skip]
const CODE: &[(&str, Code)] = &[
    ("read_write", &["while ((n = read(file, buf, 65536)) > 0)", "    write(sock, buf, n);"]),
    ("mmap_write", &["p = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);", "for (at = 0; at < size; at += n)", "    n = write(sock, p + at, min(size - at, 65536));"]),
    ("sendfile", &["while (sendfile(sock, file, NULL, 65536) > 0)", "    ;"]),
    ("sendfile_linear", &["while (sendfile(sock, file, NULL, 65536) > 0)", "    ;  // on a device without scatter-gather"]),
    ("splice", &["pipe(p);", "while ((n = splice(file, NULL, p[1], NULL, 65536, 0)) > 0)", "    splice(p[0], NULL, sock, NULL, n, 0);"]),
    ("vmsplice", &["struct iovec part = { buf, 65536 };", "vmsplice(pipe_end, &part, 1, SPLICE_F_GIFT);"]),
    ("tee", &["n = tee(a[0], b[1], 65536, 0);", "splice(a[0], NULL, one, NULL, n, 0);", "splice(b[0], NULL, two, NULL, n, 0);"]),
    ("copy_range_copied", &["while (copy_file_range(from, NULL, to, NULL, 65536, 0) > 0)", "    ;"]),
    ("copy_range_reflink", &["while (copy_file_range(from, NULL, to, NULL, 65536, 0) > 0)", "    ;  // on XFS or btrfs"]),
    ("cache_cold", &["posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);", "while (read(file, buf, 65536) > 0)", "    ;"]),
    ("cache_warm", &["while (read(file, buf, 65536) > 0)", "    ;  // the second time"]),
    ("direct_read", &["file = open(path, O_RDONLY | O_DIRECT);", "posix_memalign(&buf, 4096, 65536);", "while (read(file, buf, 65536) > 0) ;"]),
    ("zerocopy", &["setsockopt(sock, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one);", "send(sock, buf, 65536, MSG_ZEROCOPY);", "recvmsg(sock, &done, MSG_ERRQUEUE);  // copied after all?"]),
    ("uring_read_write", &["io_uring_prep_read(sqe, file, buf, 65536, at);", "io_uring_prep_write(next_sqe, sock, buf, 65536, 0);", "io_uring_submit_and_wait(&ring, 2);"]),
    ("cow", &["if (fork() == 0)", "    for (at = 0; at < size; at += 4096)", "        p[at] = 1;  // a fault and a page copy each"]),
    ("shared_ring", &["p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);", "p[head++ % slots] = value;", "futex_wake(&head, 1);"]),
];

/// The calls of a scenario, where they fit into three lines.
#[must_use]
pub fn of(scenario: &Scenario) -> Option<Code> {
    CODE.iter().find(|(id, _)| *id == scenario.id).map(|(_, code)| *code)
}

/// The command that repeats a scene.
#[must_use]
pub fn command(act: &Act) -> Option<String> {
    match act {
        Act::Page => None,
        Act::Step(scenario, how) => Some(format!("zc lab run {}{}", scenario.id, options(how))),
        Act::Compare([a, b], how) => {
            Some(format!("zc lab compare {} {}{}", a.id, b.id, options(how)))
        }
        Act::Hazard(hazard) => Some(format!("zc lab run {}", hazard.id)),
    }
}

fn options(how: &How) -> String {
    let mut text = String::new();
    if let Some(sink) = how.sink {
        text += &format!(" --sink {}", sink.id());
    }
    for (option, value) in [("size", how.size), ("chunk", how.chunk)] {
        if let Some(value) = value {
            text += &format!(" --{option} {value}");
        }
    }
    if let Some(repeat) = how.repeat {
        text += &format!(" --repeat {repeat}");
    }
    if how.cold {
        text += " --cold";
    }
    text
}

/// All of it, to be pasted: the command, and the calls as comments.
#[must_use]
pub fn to_copy(act: &Act) -> Option<String> {
    let mut text = command(act)?;
    text.push('\n');
    for scenario in act.scenarios() {
        for line in of(scenario).unwrap_or_default() {
            text += &format!("# {line}\n");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tour::{parse::parse, script::BUILT_IN},
        workload::catalog,
    };

    #[test]
    fn each_mechanism_of_the_tour_has_its_calls() {
        let script = parse(BUILT_IN).map_err(|error| error.to_string()).expect("a script");
        for scene in &script.scenes {
            for scenario in scene.act.scenarios() {
                assert!(of(scenario).is_some(), "no calls of {}", scenario.id);
            }
        }
        for (id, code) in CODE {
            assert!(catalog::find(id).is_some(), "{id} is not in the catalog");
            assert!((1..=3).contains(&code.len()), "{id}");
            assert!(code.iter().all(|line| line.len() <= 70 && line.is_ascii()), "{id}");
        }
    }

    #[test]
    fn the_command_repeats_the_setting() {
        let script = parse(
            "step sendfile sink=veth size=1MiB repeat=2 cold\n\
             compare read_write sendfile sink=pipe\nhazard sigbus\ntitle T",
        );
        let script = script.map_err(|error| error.to_string()).expect("a script");
        let commands: Vec<_> = script.scenes.iter().map(|scene| command(&scene.act)).collect();
        let expected = [
            Some("zc lab run sendfile --sink veth --size 1048576 --repeat 2 --cold"),
            Some("zc lab compare read_write sendfile --sink pipe"),
            Some("zc lab run sigbus"),
            None,
        ];
        assert_eq!(commands.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }
}
