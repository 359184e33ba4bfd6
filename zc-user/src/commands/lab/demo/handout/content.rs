//! A handout: the questions of a tour with room for answers, and behind them the solutions, with what this machine did.

use zc_model::{picture::Picture, snapshot::Provenance, value::Value};
use zc_report::content::{Block, Column, Figure, Kind, Report, Row, Section, Table, Tone};

use super::wording;
use zc_lab::{
    finding::{Finding, Outcome},
    hazard,
    language::fill,
    metric::{Findings, figure},
    scenario::Scenario,
    sink::Sink,
    tour::{
        code,
        script::{Act, Scene},
        sentence,
        summary::Tally,
        walk::{Conditions, Exhibit, Tour},
        words::Words,
    },
};

/// The handout of a tour, as far as it came.
#[must_use]
pub(super) fn report(tour: &Tour, conditions: Option<&Conditions>) -> Report {
    let words = tour.words();
    let machine = conditions.map_or("", |conditions| &conditions.machine);
    let tally = Tally::of(tour);
    let score = tour.score();
    let mut figures = vec![Figure {
        label: words.figure_workloads,
        value: tally.total().to_string(),
        note: tally.sentence(words),
        tone: Tone::Plain,
    }];
    if score.guessed > 0 {
        figures.push(Figure {
            label: words.figure_guesses,
            value: fill(words.of_guesses, &[("right", &score.right), ("guessed", &score.guessed)]),
            note: words.right.to_owned(),
            tone: Tone::Advice,
        });
    }
    let mut caveats = Vec::new();
    if conditions.is_some_and(|it| it.copies == Some(Provenance::Modelled)) {
        caveats.push(words.modelled_caveat.to_owned());
    }
    caveats.extend(conditions.map(|it| it.limits.clone()).filter(|limits| !limits.is_empty()));
    let scenes = || tour.script().scenes.iter().enumerate();
    let exercises = scenes().flat_map(|(index, scene)| exercise(tour, index, scene)).collect();
    let solutions = scenes().flat_map(|(index, scene)| solution(tour, index, scene)).collect();
    Report {
        wording: wording::of(words),
        title: tour.script().name.clone(),
        subject: machine.to_owned(),
        answer: vec![words.how_to_use.to_owned()],
        figures,
        caveats,
        sections: vec![
            Section { id: "exercises", title: words.exercises, blocks: exercises },
            Section { id: "solutions", title: words.solutions, blocks: solutions },
        ],
    }
}

fn heading(index: usize, scene: &Scene) -> Block {
    Block::Heading(format!("{}. {}", index + 1, scene.title))
}

fn exercise(tour: &Tour, index: usize, scene: &Scene) -> Vec<Block> {
    let mut blocks = vec![heading(index, scene)];
    if !scene.before.text.is_empty() {
        blocks.push(Block::Text(scene.before.text.clone()));
    }
    let words = tour.words();
    let how = scene.act.how();
    for scenario in scene.act.scenarios() {
        let sink = how.and_then(|how| how.sink).unwrap_or(scenario.sinks[0]);
        blocks.push(Block::Text(format!(
            "{}{}",
            name(words, scenario, sink),
            words.colon.trim_end()
        )));
        let names = words.names(sink);
        blocks.push(Block::Question(Picture { names, ..Picture::default() }));
        blocks.push(Block::Text(words.blanks.to_owned()));
    }
    blocks
}

fn solution(tour: &Tour, index: usize, scene: &Scene) -> Vec<Block> {
    if !scene.act.is_workload() {
        return Vec::new();
    }
    let words = tour.words();
    let mut blocks = vec![heading(index, scene)];
    let Some(Exhibit { findings, sighting }) = tour.result(index) else {
        blocks.push(Block::Text(words.not_run.to_owned()));
        blocks.extend(practice(&scene.act));
        return blocks;
    };
    for finding in findings {
        blocks.extend(of_finding(tour, index, finding));
    }
    if let Some(sighting) = sighting {
        blocks.push(match &sighting.outcome {
            hazard::Outcome::Seen(seen) => {
                Block::List(seen.facts.iter().map(|it| words.say(&it.text).into_owned()).collect())
            }
            hazard::Outcome::Skipped(why) => Block::Text(words.skipped(why)),
            hazard::Outcome::Failed(why) => Block::Text(words.failed(why)),
        });
    }
    if !scene.after.text.is_empty() {
        blocks.push(Block::Text(scene.after.text.clone()));
    }
    blocks.extend(practice(&scene.act));
    blocks
}

fn of_finding(tour: &Tour, index: usize, finding: &Finding) -> Vec<Block> {
    let words = tour.words();
    let ran = match &finding.outcome {
        Outcome::Ran(ran) => ran,
        Outcome::Skipped(why) => return vec![Block::Text(words.skipped(why))],
        Outcome::Failed(why) => return vec![Block::Text(words.failed(why))],
    };
    let names = words.names(finding.setting.sink);
    let picture = ran.picture(&finding.setting);
    let picture = picture.map(|picture| Block::Picture(Picture { names, ..picture }));
    let sentence = sentence::in_short(tour, finding).unwrap_or_default();
    let name = words.say(finding.scenario.title);
    let sentence = format!("{name}{}{sentence}{}", words.colon, words.full_stop);
    let table = table(tour, index, finding);
    picture.into_iter().chain([Block::Table(table), Block::Text(sentence)]).collect()
}

/// Figures of which the textbook says something.
fn table(tour: &Tour, index: usize, finding: &Finding) -> Table {
    let words = tour.words();
    let guess = tour.guess_of(index);
    let mut columns = vec![
        Column::new(words.figure, false),
        Column::new(words.textbook, true),
        Column::new(words.here, true),
    ];
    if guess.is_some() {
        columns.push(Column::new(words.guess_heading, true));
    }
    let known = Findings::figures()
        .map(|metric| (metric, (metric.extra.theory)(finding.scenario)))
        .filter(|(_, theory)| Value::is_known(theory));
    let rows = known.map(|(metric, theory)| {
        let mut cells = vec![
            words.say(metric.title).into_owned(),
            figure(&theory, metric.unit),
            figure(&metric.of(finding, &()), metric.unit),
        ];
        if let Some(guess) = guess {
            let is_about = metric == Findings::CPU_COPIES;
            cells.push(if is_about { guess.to_string() } else { String::new() });
        }
        Row { kind: Kind::Row, cells, share: None }
    });
    let caption = name(words, finding.scenario, finding.setting.sink);
    Table { caption, columns, rows: rows.collect(), marks: Vec::new() }
}

/// What to type.
fn practice(act: &Act) -> Option<Block> {
    code::to_copy(act).map(|text| Block::Code(text.lines().map(str::to_owned).collect()))
}

/// What runs, and where its bytes go.
fn name(words: &Words, scenario: &Scenario, sink: Sink) -> String {
    format!("{}{}{}", words.say(scenario.title), words.comma, words.say(sink.title()))
}
