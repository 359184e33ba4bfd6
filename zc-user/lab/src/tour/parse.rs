//! Parses a script, completely before anything runs.

use std::time::Duration;

use clap::ValueEnum as _;

use super::{
    script::{Act, How, Narration, Scene, Script, Stay},
    words::{ENGLISH, Words},
};
use crate::{
    hazard::{self, HAZARDS, Hazard},
    sink::Sink,
    workload::{
        catalog::{self, SCENARIOS},
        scenario::Scenario,
    },
};
use zc_model::filter::nearest;
use zc_render::sanitize::{is_hostile, width};

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// One of its lines.
    #[error("{line}: {what}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The script as a whole.
    #[error("{0}")]
    Whole(&'static str),
}

/// The words that begin a line.
const WORDS: &[&str] = &["tour", "title", "say", "step", "compare", "hazard", "wait"];
/// The options of a workload.
const OPTIONS: &[&str] = &["sink", "size", "chunk", "repeat", "cold"];
/// More scenes than fit into a day.
const MOST_SCENES: usize = 1000;
/// The longest line, in bytes.
const LONGEST_LINE: usize = 4096;
/// The maximum number of rounds.
const MOST_ROUNDS: u32 = 1000;
/// The longest pause, in seconds.
const LONGEST_WAIT: f64 = 3600.0;

/// Parses `text` as a script; the tour says in English what it says by itself.
///
/// # Errors
/// The first line that is wrong.
pub fn parse(text: &str) -> Result<Script, ScriptError> {
    parse_in(text, &ENGLISH)
}

/// Parses `text` as a script of a tour that speaks another language.
///
/// # Errors
/// The first line that is wrong, in English.
pub fn parse_in(text: &str, words: &'static Words) -> Result<Script, ScriptError> {
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader.line(line).map_err(|what| ScriptError::Line { line: index + 1, what })?;
        if reader.scenes.len() > MOST_SCENES {
            return Err(ScriptError::Whole("the script has more than 1000 scenes"));
        }
    }
    if reader.scenes.is_empty() {
        return Err(ScriptError::Whole("the script has no scenes"));
    }
    let name = reader.name.unwrap_or_else(|| words.tour_name.to_owned());
    let scenes = reader.scenes.into_iter().map(|scene| scene.finish(words)).collect();
    Ok(Script { name, words, scenes })
}

#[derive(Default)]
struct Reader {
    name: Option<String>,
    scenes: Vec<Draft>,
}

/// A scene that may go on in the next line.
struct Draft {
    title: Option<String>,
    act: Act,
    before: Narration,
    after: Narration,
}

impl Draft {
    fn new(title: Option<String>) -> Self {
        let (before, after) = (Narration::default(), Narration::default());
        Self { title, act: Act::Page, before, after }
    }

    /// Where what is said next belongs.
    const fn narration(&mut self) -> &mut Narration {
        match self.act {
            Act::Page => &mut self.before,
            Act::Step(..) | Act::Compare(..) | Act::Hazard(_) => &mut self.after,
        }
    }

    fn finish(self, words: &Words) -> Scene {
        let Self { title, act, before, after } = self;
        let title = title.unwrap_or_else(|| {
            if let Act::Hazard(hazard) = act {
                return words.say(hazard.title).into_owned();
            }
            let titles = act.scenarios().iter().map(|scenario| words.say(scenario.title));
            titles.collect::<Vec<_>>().join(words.and)
        });
        Scene { title, act, before, after }
    }
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.len() > LONGEST_LINE {
            return Err(format!("longer than {LONGEST_LINE} bytes"));
        }
        // A tab between words is fine; nothing else that a terminal would obey or hide is.
        if line.chars().any(|c| c != '\t' && is_hostile(c)) {
            return Err("a character that cannot be shown".to_owned());
        }
        let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let text = || match rest.split_whitespace().collect::<Vec<_>>().join(" ") {
            text if text.is_empty() => Err(needs_text(word)),
            text => Ok(text),
        };
        match word {
            "tour" => self.tour(text()?)?,
            "title" => self.scenes.push(Draft::new(Some(text()?))),
            "say" => {
                let sentence = text()?;
                self.narration(word)?.say(&sentence);
            }
            "wait" => {
                let stay = stay(&text()?)?;
                self.narration(word)?.stay = Some(stay);
            }
            "step" => {
                let mut words = rest.split_whitespace();
                let scenario = scenario(words.next().ok_or("'step' needs a scenario")?)?;
                self.act(Act::Step(scenario, how(words, &[scenario])?));
            }
            "compare" => {
                let mut words = rest.split_whitespace();
                let mut next = || scenario(words.next().ok_or("'compare' needs two scenarios")?);
                let both = [next()?, next()?];
                let mut how = how(words, &both)?;
                how.sink = Some(common_sink(&both, how.sink)?);
                self.act(Act::Compare(both, how));
            }
            "hazard" => self.act(Act::Hazard(hazard(&text()?)?)),
            other => return Err(unknown("instruction", other, WORDS)),
        }
        Ok(())
    }

    fn tour(&mut self, name: String) -> Result<(), String> {
        if self.name.is_some() || !self.scenes.is_empty() {
            return Err("'tour' must be the first instruction, and may occur once".to_owned());
        }
        self.name = Some(name);
        Ok(())
    }

    fn narration(&mut self, word: &str) -> Result<&mut Narration, String> {
        match self.scenes.last_mut() {
            Some(scene) => Ok(scene.narration()),
            None => Err(format!("'{word}' needs a scene: begin one with 'title'")),
        }
    }

    fn act(&mut self, act: Act) {
        match self.scenes.last_mut() {
            Some(scene) if matches!(scene.act, Act::Page) => scene.act = act,
            _ => self.scenes.push(Draft { act, ..Draft::new(None) }),
        }
    }
}

impl Narration {
    fn say(&mut self, sentence: &str) {
        // Chinese sets no blank between sentences.
        let is_wide = |last: char| width(last.encode_utf8(&mut [0; 4])) > 1;
        if self.text.chars().next_back().is_some_and(|last| !is_wide(last)) {
            self.text.push(' ');
        }
        self.text.push_str(sentence);
    }
}

fn scenario(id: &str) -> Result<&'static Scenario, String> {
    catalog::find(id).ok_or_else(|| {
        let known: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.id).collect();
        unknown("scenario", id, &known)
    })
}

fn hazard(id: &str) -> Result<&'static Hazard, String> {
    hazard::find(id).ok_or_else(|| {
        let known: Vec<_> = HAZARDS.iter().map(|hazard| hazard.id).collect();
        unknown("hazard", id, &known)
    })
}

fn how<'a>(
    words: impl Iterator<Item = &'a str>,
    scenarios: &[&'static Scenario],
) -> Result<How, String> {
    let mut how = How::default();
    for word in words {
        let (option, value) = word.split_once('=').unwrap_or((word, ""));
        match option {
            "cold" if value.is_empty() => how.cold = true,
            "cold" => return Err("'cold' takes no value".to_owned()),
            "sink" => how.sink = Some(sink(value, scenarios)?),
            "size" => how.size = Some(bytes(option, value)?),
            "chunk" => how.chunk = Some(bytes(option, value)?),
            "repeat" => match value.parse() {
                Ok(rounds) if (1..=MOST_ROUNDS).contains(&rounds) => how.repeat = Some(rounds),
                _ => return Err(format!("'repeat' must be a number from 1 to {MOST_ROUNDS}")),
            },
            other => return Err(unknown("option", other, OPTIONS)),
        }
    }
    Ok(how)
}

fn sink(id: &str, scenarios: &[&'static Scenario]) -> Result<Sink, String> {
    let Some(sink) = Sink::value_variants().iter().copied().find(|sink| sink.id() == id) else {
        let known: Vec<_> = Sink::value_variants().iter().map(|sink| sink.id()).collect();
        return Err(unknown("sink", id, &known));
    };
    match scenarios.iter().find(|scenario| !scenario.sinks.contains(&sink)) {
        Some(scenario) => {
            let sinks: Vec<_> = scenario.sinks.iter().map(|sink| sink.id()).collect();
            let sinks = sinks.join(", ");
            Err(format!("'{}' has no sink '{id}'; expected one of {sinks}", scenario.id))
        }
        None => Ok(sink),
    }
}

/// The sink of both: the requested one, or the first that both have.
fn common_sink(both: &[&'static Scenario; 2], requested: Option<Sink>) -> Result<Sink, String> {
    let [a, b] = both;
    let common = || a.sinks.iter().copied().find(|sink| b.sinks.contains(sink));
    requested
        .or_else(common)
        .ok_or_else(|| format!("'{}' and '{}' have no common sink", a.id, b.id))
}

fn bytes(option: &str, text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.0 > 0 => Ok(size.0),
        _ => Err(format!("'{option}' must be a number of bytes, such as 65536, 64KiB or 16MiB")),
    }
}

fn stay(text: &str) -> Result<Stay, String> {
    if text == "key" {
        return Ok(Stay::Key);
    }
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=LONGEST_WAIT).contains(&seconds) => {
            Ok(Stay::For(Duration::from_secs_f64(seconds)))
        }
        _ => Err(format!("'wait' must be a number of seconds up to {LONGEST_WAIT}, or 'key'")),
    }
}

/// The instruction `word` has no text after it. An unknown one is not repeated, see [`unknown`].
fn needs_text(word: &str) -> String {
    match WORDS.iter().find(|known| **known == word) {
        Some(known) => format!("'{known}' needs a text"),
        None => unknown("instruction", word, WORDS),
    }
}

/// An unknown name: the nearest known one, or all of them. Not the name itself: the file may be any that the user
/// may read, and an error must not print what is in it.
fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()).as_str() {
        "." => format!("unknown {what}; expected one of {}", known.join(", ")),
        meant => format!("unknown {what}{meant}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tour::{script::BUILT_IN, words::CHINESE};

    fn complaint(text: &str) -> String {
        parse(text).err().expect("an error").to_string()
    }

    #[test]
    fn what_is_said_belongs_before_or_after_the_workload() {
        let script = parse(
            "# a comment\n\
             tour Copies, counted\n\n\
             title First\n\
             say  What   do you expect?\n\
             wait key\n\
             step read_write sink=pipe size=1MiB chunk=4KiB repeat=3 cold\n\
             say Two copies.\n\
             \tsay Of each byte.\n\
             wait 2.5\n\
             step sendfile\n",
        );
        let script = script.expect("a script");
        assert_eq!(script.name, "Copies, counted");
        let [first, second] = &script.scenes[..] else { panic!("{}", script.scenes.len()) };
        assert_eq!((&*first.title, &*second.title), ("First", "sendfile"));
        assert_eq!(
            first.before,
            Narration { text: "What do you expect?".to_owned(), stay: Some(Stay::Key) }
        );
        let stay = Some(Stay::For(Duration::from_millis(2500)));
        assert_eq!(first.after, Narration { text: "Two copies. Of each byte.".to_owned(), stay });
        let how = How {
            sink: Some(Sink::Pipe),
            size: Some(1 << 20),
            chunk: Some(4096),
            repeat: Some(3),
            cold: true,
        };
        assert_eq!(first.act.how(), Some(&how));
        assert_eq!(second.act.how(), Some(&How::default()));
    }

    #[test]
    fn two_are_compared_on_a_sink_that_both_know() {
        let script = parse("compare read_write sendfile").expect("a script");
        let [scene] = &script.scenes[..] else { panic!("one scene") };
        assert_eq!(scene.title, "read + write and sendfile");
        assert_eq!(scene.act.how().and_then(|how| how.sink), Some(Sink::Tcp));
    }

    #[test]
    fn a_scene_may_be_words_only() {
        let script = parse("title Welcome\nsay Hello.").expect("a script");
        assert!(matches!(script.scenes[0].act, Act::Page));
    }

    #[test]
    fn the_line_that_is_wrong_is_named_and_what_was_meant() {
        for (text, expected) in [
            ("", "the script has no scenes"),
            ("# only this", "the script has no scenes"),
            ("tour A tour", "the script has no scenes"),
            ("title T\n\nstep red_write", "3: unknown scenario; did you mean 'read_write'?"),
            ("stop sendfile", "1: unknown instruction; did you mean 'step'?"),
            ("step sendfile sing=tcp", "1: unknown option; did you mean 'sink'?"),
            ("step sendfile sink=tpc", "1: unknown sink; did you mean 'tcp'?"),
            ("step sendfile cold=1", "1: 'cold' takes no value"),
            ("step sendfile repeat=0", "1: 'repeat' must be a number from 1 to 1000"),
            (
                "step sendfile size=",
                "1: 'size' must be a number of bytes, such as 65536, 64KiB or 16MiB",
            ),
            ("step", "1: 'step' needs a scenario"),
            ("compare sendfile", "1: 'compare' needs two scenarios"),
            ("title", "1: 'title' needs a text"),
            ("hazard", "1: 'hazard' needs a text"),
            ("hazard sigbuss", "1: unknown hazard; did you mean 'sigbus'?"),
            ("say Too early", "1: 'say' needs a scene: begin one with 'title'"),
            ("wait 1", "1: 'wait' needs a scene: begin one with 'title'"),
            ("title T\nwait soon", "2: 'wait' must be a number of seconds up to 3600, or 'key'"),
            ("title T\nwait -1", "2: 'wait' must be a number of seconds up to 3600, or 'key'"),
            ("title T\ntour Late", "2: 'tour' must be the first instruction, and may occur once"),
            ("title T\nsay \u{1b}[2J", "2: a character that cannot be shown"),
        ] {
            assert_eq!(complaint(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_alike_means_all_there_are() {
        let text = complaint("step zzzzzzzzz");
        assert!(text.starts_with("1: unknown scenario; expected one of read_write"), "{text}");
    }

    #[test]
    fn the_built_in_tour_can_be_given() {
        let script = parse(BUILT_IN).map_err(|error| error.to_string()).expect("a script");
        assert!(script.scenes.len() >= 3);
        for scene in &script.scenes {
            assert!(!scene.title.is_empty());
            assert!(scene.title.len() <= 60, "too long for a heading: {}", scene.title);
            for said in [&scene.before.text, &scene.after.text] {
                assert!(said.len() <= 330, "four lines at most on a small screen: {said}");
            }
        }
    }

    #[test]
    fn the_tour_is_the_same_in_each_language() {
        let [english, chinese] = [&ENGLISH, &CHINESE].map(|words| {
            let script = parse_in(words.script, words);
            script.map_err(|error| error.to_string()).expect("a script")
        });
        assert_eq!(english.scenes.len(), chinese.scenes.len());
        for (english, chinese) in english.scenes.iter().zip(&chinese.scenes) {
            let runs = |scene: &Scene| {
                let ids = scene.act.scenarios().iter().map(|scenario| scenario.id);
                let hazard = match scene.act {
                    Act::Hazard(hazard) => Some(hazard.id),
                    _ => None,
                };
                (ids.collect::<Vec<_>>(), hazard, scene.act.how().cloned())
            };
            assert_eq!(runs(english), runs(chinese), "{}", chinese.title);
            let says = |scene: &Scene| {
                [&scene.before, &scene.after].map(|said| (said.text.is_empty(), said.stay))
            };
            assert_eq!(says(english), says(chinese), "{}", chinese.title);
            assert!(width(&chinese.title) <= 60, "too long for a heading: {}", chinese.title);
            for said in [&chinese.before.text, &chinese.after.text] {
                assert!(width(said) <= 300, "four lines at most on a small screen: {said}");
            }
        }
    }
}
