use super::*;
use crate::{
    hazard::HAZARDS,
    language::placeholders,
    metric::Findings,
    workload::{
        catalog::SCENARIOS,
        scenario::{Expected, Setting},
    },
};

#[test]
fn the_languages_have_the_same_sentences_and_placeholders() {
    for ((name, english), (_, chinese)) in ENGLISH.entries().into_iter().zip(CHINESE.entries()) {
        assert_eq!(placeholders(english), placeholders(chinese), "{name}");
        assert!(!chinese.is_empty() && chinese != english, "not translated: {name}");
    }
    let signs = |words: &Words| words.signs.iter().map(|(sign, _)| *sign).collect::<Vec<_>>();
    assert_eq!(signs(&ENGLISH), signs(&CHINESE));
}

/// What the catalog may say in a tour.
fn catalog() -> Vec<&'static str> {
    let mut all = Vec::new();
    for scenario in SCENARIOS {
        all.extend([scenario.title, scenario.theory.claim]);
        for sink in scenario.sinks {
            all.push(sink.title());
            all.extend(picture::names(*sink).into_iter().map(|(_, name)| name));
            for chunk in [1009, 4096, 65_536, 1 << 20] {
                let (size, kernel) = (16_777_213, (6, 12));
                let setting = Setting { size, chunk, sink: *sink, cold: false, kernel };
                let Expected { copies_because, switches_because, .. } = (scenario.expect)(&setting);
                all.extend([copies_because, switches_because].into_iter().flatten());
            }
        }
    }
    for hazard in HAZARDS {
        all.extend([hazard.title, hazard.lesson, hazard.danger]);
    }
    all.extend(Findings::shown().map(|metric| metric.title));
    all
}

#[test]
fn all_that_the_catalog_says_is_translated() {
    // A name of calls, such as "mmap + write", stays.
    const NAMES: [&str; 8] =
        ["read", "write", "mmap", "sendfile", "splice", "vmsplice", "tee", "veth"];
    let is_name = |text: &str| text.split(" + ").all(|word| NAMES.contains(&word));
    let is_known = |text: &str| CHINESE.catalog.iter().any(|(known, _)| *known == text);
    let mut missing = catalog();
    missing.retain(|english| !is_known(english) && !is_name(english));
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_table_has_each_sentence_once_and_uses_what_it_takes() {
    for (index, (english, chinese)) in CHINESE.catalog.iter().enumerate() {
        let again = CHINESE.catalog[..index].iter().any(|(known, _)| known == english);
        assert!(!again, "twice: {english}");
        let mut numbers: Vec<_> = placeholders(chinese);
        numbers.dedup();
        let expected: Vec<_> =
            (0..english.matches("{}").count()).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected, "{english}");
    }
}

#[test]
fn a_sentence_with_figures_is_translated_with_its_figures() {
    for (english, chinese) in [
        ("the pipe holds 65536 bytes", "管道存放 65536 字节"),
        (
            "no DMA to the network: no hardware is behind this sink (TCP over loopback)",
            "没有到网络的 DMA：这个目的地背后没有硬件 (TCP 环回)",
        ),
        (
            "read() at the same offset returned 1, and afterwards 0: no error, no signal",
            "同一偏移的 read() 返回 1，截短后返回 0：没有错误，没有信号",
        ),
        ("the pipe holds {0} bytes", "管道存放 {0} 字节"),
        ("cannot connect: refused", "cannot connect: refused"),
        ("sendfile", "sendfile"),
    ] {
        assert_eq!(CHINESE.say(english), chinese);
        assert_eq!(ENGLISH.say(english), english);
    }
}

#[test]
fn reasons_are_joined_in_the_language_of_the_verdict() {
    let judgement = Judgement::Differs(vec![
        "the file is mapped once, not once per transfer",
        "transferTo gets the size of the file (fstat) before each sendfile",
    ]);
    assert_eq!(ENGLISH.judgement(&judgement), judgement.sentence());
    assert_eq!(
        CHINESE.judgement(&judgement),
        "与教科书不同，因为文件只映射一次，不是每次传输一次；而且transferTo 在每次 sendfile 之前先取文件大小 (fstat)"
    );
    for judgement in [
        Judgement::Textbook,
        Judgement::Unexplained(vec!["1".to_owned(), "2".to_owned()]),
        Judgement::NotMeasured("no rights".to_owned()),
    ] {
        assert_eq!(ENGLISH.judgement(&judgement), judgement.sentence());
    }
}
