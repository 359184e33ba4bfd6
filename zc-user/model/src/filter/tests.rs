use std::sync::Arc;

use super::*;
use crate::{
    fixture::sketch::{path, process, snapshot},
    snapshot::{Ancestry, Relative},
};

fn frame() -> Frame {
    let mut nginx = process(1, "nginx", &[path(CopyPath::SendfileToSocket, 2, 4 << 20)]);
    nginx.cgroup = Some("/system.slice/nginx.service".into());
    let mut dd = process(2, "dd", &[path(CopyPath::FileRead, 1, 2 << 20)]);
    dd.cgroup = Some("/user.slice".into());
    let sender = process(3, "sender", &[path(CopyPath::SocketSendZerocopy, 1, 1 << 20)]);
    let long = process(4, "a-name-too-long", &[]);
    Frame::cumulative(snapshot(1, &[nginx, dd, sender, long]))
}

fn selected(filter: &Filter) -> Vec<u32> {
    let frame = frame();
    let is_selected = |process: &&ProcessSample| filter.selects(process, &frame);
    frame.processes.iter().filter(is_selected).map(|process| process.id.pid).collect()
}

fn by_expr(text: &str) -> Vec<u32> {
    selected(&Filter { expr: Some(parse(text).unwrap()), ..Filter::default() })
}

#[test]
fn expressions_select() {
    assert_eq!(by_expr("copied_bytes > 1MiB"), [2]);
    assert_eq!(by_expr("moved_bytes >= 1048576 and not comm ~ D"), [1]);
    assert_eq!(by_expr("comm == nginx or comm == dd"), [1, 2]);
    assert_eq!(by_expr("path == sendfile_to_socket"), [1]);
    assert_eq!(by_expr("path != sendfile_to_socket"), [2, 3, 4]);
    assert_eq!(by_expr("path ~ send"), [1, 3]);
    assert_eq!(by_expr("file_read > 0"), [2]);
    assert_eq!(by_expr("pid = 3 || pid=4"), [3, 4]);
    assert_eq!(by_expr("cgroup != /user.slice"), [1]);
    assert_eq!(by_expr("comm == 'a-name-too-long'"), [4]);
    assert_eq!(by_expr("amplification < 50%"), [1]);
}

#[test]
fn and_binds_tighter_than_or_and_parentheses_tighter_still() {
    assert_eq!(by_expr("pid == 1 or pid == 2 and comm == nginx"), [1]);
    assert_eq!(by_expr("(pid == 1 or pid == 2) and comm == dd"), [2]);
    assert_eq!(by_expr("not pid == 1 and not (pid == 2 or pid == 3)"), [4]);
}

#[test]
fn what_is_not_known_is_not_selected_by_its_opposite_either() {
    assert_eq!(by_expr("copied_bytes >= 0"), [1, 2, 4]);
    assert_eq!(by_expr("not copied_bytes >= 1"), [1, 4]);
    assert_eq!(by_expr("copied_bytes < 1 or comm == sender"), [1, 3, 4]);
    // Of two of them it is not known in which control group they are; the others are in no container.
    for column in ["container", "pod", "runtime"] {
        assert_eq!(by_expr(&format!("{column} ~ .")), [0; 0]);
        for none in ["not {} ~ .", "{} !~ .", "{} = ''", "{} != x"] {
            let none = none.replace("{}", column);
            assert_eq!(by_expr(&none), [1, 2], "{none}");
        }
    }
    assert_eq!(by_expr("not unit ~ ."), [2]);
    assert_eq!(by_expr("not cgroup ~ system"), [2]);
    assert_eq!(by_expr("not cgroup ~ system or sender"), [2, 3]);
}

#[test]
fn selections_are_alternatives_within_a_kind_and_conditions_between() {
    let filter = Filter { pids: vec![1, 2], ..Filter::default() };
    assert_eq!(selected(&filter), [1, 2]);
    let filter = Filter { comms: vec!["dd".into(), "s*r".into()], ..filter };
    assert_eq!(selected(&filter), [2]);
    let filter =
        Filter { comms: vec!["a-name-too-long-for-the-kernel".into()], ..Filter::default() };
    assert_eq!(selected(&filter), [4]);
    let filter = Filter { cgroups: vec!["system.slice".into()], ..Filter::default() };
    assert_eq!(selected(&filter), [1]);
    let filter = Filter { cgroups: vec!["/system".into()], ..Filter::default() };
    assert!(selected(&filter).is_empty());
    let filter = Filter { paths: vec![CopyPath::FileRead], ..Filter::default() };
    assert_eq!(selected(&filter), [2]);
    let filter = Filter { followed: true, ..Filter::default() };
    assert_eq!(selected(&filter), [1, 2, 3, 4], "there are no others");
    assert!(filter.is_everything());
}

#[test]
fn a_number_selects_what_descends_from_it_too() {
    let relative =
        |pid: u32| Relative { id: ProcessId { pid, start_ns: pid.into() }, comm: "parent".into() };
    let child = |pid, parent: Option<u32>, root| {
        let ancestry = Ancestry { parent: parent.map(relative), root: relative(root) };
        ProcessSample { ancestry: Some(Arc::new(ancestry)), ..process(pid, "child", &[]) }
    };
    // 3 below 2 below 1; of 6 below 5 below 4, 5 did nothing; the others are in a circle.
    let processes = [
        child(1, None, 1),
        child(2, Some(1), 1),
        child(3, Some(2), 1),
        child(6, Some(5), 4),
        child(7, Some(8), 7),
        child(8, Some(7), 8),
    ];
    let frame = Frame::cumulative(snapshot(1, &processes));
    for (pid, selected) in
        [(1, &[1, 2, 3][..]), (2, &[2, 3]), (3, &[3]), (4, &[6]), (5, &[6]), (7, &[7, 8]), (9, &[])]
    {
        let filter = Filter { pids: vec![pid], ..Filter::default() };
        let frame = frame.clone().select(&filter);
        let pids: Vec<_> = frame.processes.iter().map(|process| process.id.pid).collect();
        assert_eq!(pids, selected, "{pid}");
    }
}

#[test]
fn names_are_bytes() {
    let kept = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(15)]).into_owned();
    for (pattern, is) in
        [(&b"\xff\xfe\x80\xc3"[..], true), (b"\xff\xfe", false), (b"\xff*\xc3", true), (b"*", true)]
    {
        let comm = kept(b"\xff\xfe\x80\xc3");
        assert_eq!(is_named(OsStr::from_bytes(pattern), &comm), is, "{pattern:?}");
    }
    // Cut in the middle of a character, and between bytes that are none.
    for long in [
        "ééééééééé".as_bytes(),
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert!(is_named(OsStr::from_bytes(long), &kept(long)), "{long:?}");
    }
    assert!(!is_named(OsStr::new("ééé"), &kept("ééééééééé".as_bytes())));
}

#[test]
fn globs() {
    for (pattern, text, matches) in [
        ("nginx", "nginx", true),
        ("nginx", "nginx2", false),
        ("*", "", true),
        ("ng*", "nginx", true),
        ("*x", "nginx", true),
        ("n*i*x", "nginx", true),
        ("a*a", "a", false),
        ("n**x", "nginx", true),
        ("n*z*x", "nginx", false),
    ] {
        assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
    }
}

#[test]
fn errors_say_where_and_what_instead() {
    for (text, place, words) in [
        ("", 1, "a comparison is missing"),
        ("copied_byts > 1", 1, "did you mean 'copied_bytes'?"),
        ("comm", 5, "expected a comparison after 'comm'"),
        ("comm > nginx", 6, "'comm' is a text"),
        ("copied_bytes ~ 1", 14, "'copied_bytes' is a number"),
        ("copied_bytes > ", 16, "expected a value after 'copied_bytes >'"),
        ("copied_bytes > big", 16, "'big' is not a number"),
        ("copied_bytes > 1XiB", 16, "write it like 4096"),
        ("copied_bytes > nan", 16, "is not a number"),
        ("copied_bytes > 5%", 16, "'copied_bytes' is no share"),
        ("copied_bytes > '1'", 16, "leave the quotes out"),
        ("path == sendfile_socket", 9, "did you mean 'sendfile_to_socket'?"),
        ("pid == 1 pid == 2", 10, "expected 'and', 'or' or the end"),
        ("(pid == 1", 10, "expected 'and', 'or' or ')'"),
        ("pid == 1)", 9, "never opened"),
        ("comm == 'x", 9, "the quote is not closed"),
        ("pid == 1 & pid == 2", 10, "unexpected '&'"),
        ("pid == 1 and", 13, "a comparison is missing"),
        ("zzzzzz == 1", 1, "Columns: pid, ppid, comm"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(error.starts_with(&format!("bad filter at character {place}:")), "{error}");
    }
}

#[test]
fn the_place_is_marked_below_the_text_and_nothing_hostile_is_echoed() {
    let error = parse("comm == é and\u{1b} x").unwrap_err().to_string();
    let lines: Vec<_> = error.lines().skip(1).collect();
    assert_eq!(lines[0], "  comm == é and  x");
    assert!(!error.contains('\u{1b}'), "{error:?}");
    let error = parse("\u{1b}[2J == 1").unwrap_err().to_string();
    assert!(!error.contains('\u{1b}'), "{error:?}");
    let deep = "not ".repeat(10_000) + "pid == 1";
    assert!(parse(&deep).unwrap_err().message.contains("too many levels"));
}

/// What is written on the left means what is written on the right.
#[test]
fn names_numbers_and_words_are_written_in_many_ways() {
    for (text, same) in [
        ("COPIED/s > 10MiB", "copied_bytes_per_sec > 10485760"),
        ("copied/s>10 MiB/s", "copied_bytes_per_sec > 10485760"),
        ("COMMAND = nginx", "comm == nginx"),
        ("name ~ nginx", "comm ~ nginx"),
        ("per byte > 1.5", "amplification > 1.5"),
        ("PER BYTE > 150 %", "amplification > 1.5"),
        ("by ref >= 1 MiB", "zero_copied_bytes >= 1048576"),
        ("by  reference >= 1MiB", "zero_copied_bytes >= 1048576"),
        ("file read > 0", "file_read > 0"),
        ("page-cache-hits < 500k", "page_cache_hits < 500000"),
        ("COPY TAX > 5%", "copy_tax > 0.05"),
        ("copied > 1MiB", "copied_bytes > 1MiB"),
        ("SYSCALLS/s > 1000/s", "syscalls_per_sec > 1000"),
        ("pid = 12,34", "pid == 12 or pid == 34"),
        ("pid = 12, 34", "pid == 12 or pid == 34"),
        ("pid != 12,34", "pid != 12 and pid != 34"),
        ("path = file_read,pipe_read", "path == file_read or path == pipe_read"),
        ("file_read", "path == file_read"),
        ("12", "pid == 12"),
        ("12,34", "pid == 12 or pid == 34"),
        ("advice", "advice != ''"),
        ("not advice", "not advice != ''"),
        ("nginx AND NOT (dd OR sender)", "nginx and not (dd or sender)"),
        ("comm =~ nginx", "comm ~ nginx"),
        ("comm = /ngi.*/", "comm ~ /ngi.*/"),
        ("comm != /ngi.*/", "comm !~ /ngi.*/"),
        ("/ngi.*/", "comm ~ /ngi.*/"),
        ("ngi*", "comm == ngi*"),
    ] {
        assert_eq!(parse(text), parse(same), "{text}");
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn bare_words_are_names() {
    assert_eq!(by_expr("nginx"), [1]);
    assert_eq!(by_expr("NGI"), [1]);
    assert_eq!(by_expr("nginx or dd"), [1, 2]);
    assert_eq!(by_expr("not n"), [2]);
    assert_eq!(by_expr("'a-name-too'"), [4]);
    assert_eq!(by_expr("a*long"), [4]);
    assert_eq!(by_expr("2"), [2]);
    assert_eq!(by_expr("1,3"), [1, 3]);
    assert_eq!(by_expr("file_read"), [2]);
    assert_eq!(by_expr("'2'"), Vec::<u32>::new());
}

#[test]
fn expressions_and_globs_find_names() {
    assert_eq!(by_expr("comm =~ ngi.*"), [1]);
    assert_eq!(by_expr("comm ~ ^s.*r$"), [3]);
    assert_eq!(by_expr("comm !~ ^s.*r$"), [1, 2, 4]);
    assert_eq!(by_expr("/^(nginx|dd)$/"), [1, 2]);
    assert_eq!(by_expr("/^NG/ and not /x y/"), [1]);
    assert_eq!(by_expr("comm = ngi*"), [1]);
    assert_eq!(by_expr("comm = 'ngi*'"), [1]);
    assert_eq!(by_expr("comm = ngi"), Vec::<u32>::new());
    assert_eq!(by_expr("path = send*"), [1]);
    assert_eq!(by_expr("cgroup = /system.slice/*"), [1]);
    assert_eq!(by_expr("cgroup ~ /system.slice/ or dd"), [1, 2]);
    // As it was before expressions: a text that is none is looked for as it is.
    assert_eq!(by_expr("comm ~ '('"), Vec::<u32>::new());
}

#[test]
fn rates_are_those_of_the_interval() {
    let process = |bytes| process(1, "dd", &[path(CopyPath::FileRead, 1, bytes)]);
    let (before, mut after) = (snapshot(1, &[process(0)]), snapshot(1, &[process(20 << 20)]));
    after.elapsed_ns = before.elapsed_ns + 2_000_000_000;
    let frame = Frame::between(&before, &after);
    for (text, selects) in [
        ("copied > 15 MiB", true),
        ("copied > 15 MiB/s", false),
        ("copied >= 10 MiB/s", true),
        ("copied/s >= 10 MiB", true),
        ("file_read = 10MiB/s", true),
        ("file_read = 20MiB", true),
        ("file_read > 10 MiB/s", false),
    ] {
        let filter = Filter { expr: Some(parse(text).unwrap()), ..Filter::default() };
        assert_eq!(filter.selects(&frame.processes[0], &frame), selects, "{text}");
    }
    // Without an interval there is no rate.
    let mut none = frame.clone();
    none.elapsed_ns = 0;
    let filter = Filter { expr: Some(parse("copied < 1 GiB/s").unwrap()), ..Filter::default() };
    assert!(!filter.selects(&none.processes[0], &none));
}

#[test]
fn users_have_names_and_numbers() {
    let mut process = process(1, "dd", &[]);
    process.user = Some(33);
    let mut frame = Frame::cumulative(snapshot(1, &[process]));
    let selects = |text: &str, frame: &Frame| {
        let filter = Filter { expr: Some(parse(text).unwrap()), ..Filter::default() };
        filter.selects(&frame.processes[0], frame)
    };
    assert!(selects("user = 33", &frame) && !selects("user = www-data", &frame));
    Arc::make_mut(&mut frame.host).users.insert(33, "www-data".into());
    assert!(selects("user = www-data", &frame) && selects("user = 33", &frame));
    assert!(selects("user ~ www", &frame) && !selects("user != www-data", &frame));
    frame.processes[0].user = None;
    assert!(!selects("user != root", &frame), "what is not known is neither");
}

#[test]
fn errors_of_the_short_forms_say_where() {
    for (text, place, words) in [
        ("nginx redis", 7, "expected 'and', 'or' or the end"),
        ("per byt > 1", 1, "there is no column 'per byt'"),
        ("user = root and copid > 1", 17, "did you mean"),
        ("/ng(/", 1, "no regular expression"),
        ("comm ~ /[z/", 8, "no regular expression"),
        ("path = sned*", 8, "there is no path 'sned*'"),
        ("path = file_read,fil_read", 18, "there is no path 'fil_read'"),
        ("pid = 12,x", 10, "'x' is not a number"),
        ("amplification > 1/s", 17, "leave '/s' out"),
        ("copied > 10 apples", 13, "expected 'and', 'or' or the end"),
        ("by ref", 4, "expected 'and', 'or' or the end"),
        ("nginx or", 9, "a comparison is missing"),
        ("pid = 12,", 10, "is not a number"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(error.starts_with(&format!("bad filter at character {place}:")), "{text}: {error}");
    }
    let long = parse(&"x".repeat(129)).unwrap_err();
    assert!(long.message.contains("longer than any name"), "{long}");
    let many = vec!["1"; 513].join(",");
    assert!(parse(&format!("pid = {many}")).unwrap_err().message.contains("more than 512"));
}

#[test]
fn pieces_in_any_order_never_panic_and_errors_point_into_the_text() {
    const PIECES: &[&str] = &[
        "nginx",
        "copied",
        "per byte",
        "path",
        "pid",
        "user",
        "cgroup",
        "file_read",
        "advice",
        " ",
        ",",
        "=",
        "~",
        "!",
        ">",
        "/",
        "/x.*/",
        "(",
        ")",
        "'",
        "\"",
        "and",
        "or",
        "not",
        "10",
        "MiB",
        "/s",
        "%",
        "é",
        "\\",
        "*",
        "&",
        "|",
        "1e999",
        "\u{1f600}",
        "[z",
    ];
    // A sequence that is the same each time (Knuth's generator).
    let mut state = 97_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut good = 0;
    for _ in 0..5_000 {
        let text: String = (0..=next(9)).map(|_| PIECES[next(PIECES.len())]).collect();
        match parse(&text) {
            Ok(_) => good += 1,
            Err(error) => {
                assert!(text.get(error.span.clone()).is_some(), "{text}: {error:?}");
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(good > 25, "{good}");
}

/// What the command line says, and the line of the dashboard that selects the same.
#[test]
fn the_command_line_is_said_in_the_language() {
    let filter =
        |comms: &[&str], cgroups: &[&str], paths: &[CopyPath], expr: Option<&str>| Filter {
            comms: comms.iter().map(Into::into).collect(),
            cgroups: cgroups.iter().map(|&group| group.to_owned()).collect(),
            paths: paths.to_vec(),
            expr: expr.map(|expr| parse(expr).unwrap()),
            written: expr.map(str::to_owned),
            ..Filter::default()
        };
    for (filter, said) in [
        (filter(&[], &[], &[], None), ""),
        (filter(&["nginx"], &[], &[], None), "comm = nginx"),
        (filter(&["nginx", "d d"], &[], &[], None), "comm = nginx or comm = 'd d'"),
        (filter(&["nginx", "dd"], &[], &[], None), "comm = nginx,dd"),
        (filter(&["a-name-too-long-for-the-kernel"], &[], &[], None), "comm = a-name-too-long"),
        (
            filter(&["s*r"], &[], &[CopyPath::SocketSendZerocopy], None),
            "comm = s*r and path = socket_send_zerocopy",
        ),
        (
            filter(&[], &["system.slice/"], &[], Some("pid = 1 or dd")),
            "cgroup = /system.slice,/system.slice/* and (pid = 1 or dd)",
        ),
        (filter(&[], &["/"], &[], None), "cgroup = /*"),
        (filter(&["or"], &[], &[], None), "comm = 'or'"),
    ] {
        let (line, rest) = filter.clone().into_line();
        assert_eq!(line, said);
        assert!(rest.is_everything(), "{rest:?}");
        let by_line = if line.is_empty() { Vec::from([1, 2, 3, 4]) } else { by_expr(&line) };
        assert_eq!(by_line, selected(&filter), "{line}");
    }
    let strange = Filter {
        pids: vec![1],
        comms: vec![OsStr::from_bytes(b"\xff").to_owned()],
        ..Filter::default()
    };
    assert_eq!(strange.clone().into_line(), (String::new(), strange));
}

#[test]
fn completion_knows_what_may_follow() {
    use Wanted::{Join, Name, Sign, Value};
    let cgroup = Operand::Column(crate::column::Processes::CGROUP);
    for (before, wants) in [
        ("", Some((0, Name))),
        ("co", Some((0, Name))),
        ("nginx and co", Some((10, Name))),
        ("not (co", Some((5, Name))),
        ("per b", Some((0, Name))),
        ("not per by", Some((4, Name))),
        ("per byte ", Some((9, Sign { text: false }))),
        ("comm ", Some((5, Sign { text: true }))),
        ("path = ", Some((7, Value(Operand::AnyPath)))),
        ("path = file_read,so", Some((17, Value(Operand::AnyPath)))),
        ("dd or cgroup ~ /sys", Some((15, Value(cgroup)))),
        ("nginx ", Some((6, Join))),
        ("nginx o", Some((6, Join))),
        ("pid = 12 a", Some((9, Join))),
        ("(dd) ", Some((5, Join))),
        ("'open", None),
        ("dd and", None),
    ] {
        assert_eq!(wanted(before), wants, "{before}");
    }
}
