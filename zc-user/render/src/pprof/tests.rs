use std::io::Read as _;

use flate2::read::GzDecoder;

use super::*;

fn written() -> Profile {
    let mut out = Vec::new();
    write_pprof(&crate::folded::tests::frame(), &mut out).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(&*out).read_to_end(&mut bytes).unwrap();
    Profile::decode(&*bytes).unwrap()
}

/// The profile as text, with all numbers of strings, functions and mappings looked up.
fn text(profile: &Profile) -> String {
    let string = |number: i64| &*profile.string_table[usize::try_from(number).unwrap()];
    let mut text = String::new();
    for kind in &profile.sample_type {
        text.push_str(&format!("{}/{} ", string(kind.kind), string(kind.unit)));
    }
    text.push_str(&format!("default {}\n", string(profile.default_sample_type)));
    for sample in &profile.sample {
        text.push_str(&format!("{:?}", sample.value));
        for label in &sample.label {
            let value =
                if label.str == 0 { label.num.to_string() } else { string(label.str).to_owned() };
            text.push_str(&format!(" {}={value:?}", string(label.key)));
        }
        text.push('\n');
        for id in &sample.location_id {
            let location = profile.location.iter().find(|it| it.id == *id).unwrap();
            let line = &location.line[0];
            let function = profile.function.iter().find(|it| it.id == line.function_id).unwrap();
            let mapping = profile.mapping.iter().find(|it| it.id == location.mapping_id).unwrap();
            let (name, file) = (string(function.name), string(mapping.filename));
            text.push_str(&format!("    {name} ({file}) {:#x}\n", location.address));
        }
    }
    text
}

#[test]
fn a_profile_has_every_stack_with_its_values_and_labels() {
    let profile = written();
    assert_eq!(profile.string_table[0], "");
    insta::assert_snapshot!("profile", text(&profile));
}

#[test]
fn everything_has_one_number() {
    let profile = written();
    let all = |ids: Vec<u64>| ids == (1..=ids.len() as u64).collect::<Vec<_>>();
    assert!(all(profile.location.iter().map(|it| it.id).collect()));
    assert!(all(profile.function.iter().map(|it| it.id).collect()));
    assert!(all(profile.mapping.iter().map(|it| it.id).collect()));
    let mut strings = profile.string_table.clone();
    strings.sort_unstable();
    strings.dedup();
    assert_eq!(strings.len(), profile.string_table.len());
}
