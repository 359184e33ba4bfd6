//! A handout: the questions of a tour with room for answers, and behind them the solutions, with what this machine did.

use zc_model::{picture::Picture, snapshot::Provenance, value::Value};
use zc_report::content::{Block, Column, Figure, Kind, Report, Row, Section, Table, Tone};

use zc_lab::{
    finding::{Finding, Outcome},
    hazard,
    metric::{Findings, figure},
    picture,
    tour::{
        code,
        script::{Act, Scene},
        sentence,
        summary::Tally,
        walk::{Conditions, Exhibit, Tour},
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
        label: "Workloads",
        value: tally.total().to_string(),
        note: tally.to_string(),
        tone: Tone::Plain,
    }];
    if score.guessed > 0 {
        figures.push(Figure {
            label: "Guesses",
            value: format!("{} of {}", score.right, score.guessed),
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
    let how = scene.act.how();
    for scenario in scene.act.scenarios() {
        let sink = how.and_then(|how| how.sink).unwrap_or(scenario.sinks[0]);
        blocks.push(Block::Text(format!("{}, {}:", scenario.title, sink.title())));
        let names = picture::names(sink);
        blocks.push(Block::Question(Picture { names, ..Picture::default() }));
        blocks.push(Block::Text(tour.words().blanks.to_owned()));
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
                Block::List(seen.facts.iter().map(|fact| fact.text.clone()).collect())
            }
            hazard::Outcome::Skipped(why) => Block::Text(format!("skipped: {why}")),
            hazard::Outcome::Failed(why) => Block::Text(format!("failed: {why}")),
        });
    }
    if !scene.after.text.is_empty() {
        blocks.push(Block::Text(scene.after.text.clone()));
    }
    blocks.extend(practice(&scene.act));
    blocks
}

fn of_finding(tour: &Tour, index: usize, finding: &Finding) -> Vec<Block> {
    let ran = match &finding.outcome {
        Outcome::Ran(ran) => ran,
        Outcome::Skipped(why) => return vec![Block::Text(format!("skipped: {why}"))],
        Outcome::Failed(why) => return vec![Block::Text(format!("failed: {why}"))],
    };
    let picture = ran.picture(&finding.setting).map(Block::Picture);
    let sentence = sentence::in_short(tour, finding).unwrap_or_default();
    let sentence = format!("{}: {sentence}.", finding.scenario.title);
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
            metric.title.to_owned(),
            figure(&theory, metric.unit),
            figure(&metric.of(finding, &()), metric.unit),
        ];
        if let Some(guess) = guess {
            let is_about = metric == Findings::CPU_COPIES;
            cells.push(if is_about { guess.to_string() } else { String::new() });
        }
        Row { kind: Kind::Row, cells, share: None }
    });
    let caption = format!("{}, {}", finding.scenario.title, finding.setting.sink.title());
    Table { caption, columns, rows: rows.collect(), marks: Vec::new() }
}

/// What to type.
fn practice(act: &Act) -> Option<Block> {
    code::to_copy(act).map(|text| Block::Code(text.lines().map(str::to_owned).collect()))
}
