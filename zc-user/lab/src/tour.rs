//! The guided tour: a script, and the position in it. Nothing here depends on the screen.
//!
//! [`parse`] reads a [`script`]: one scene after the other, each with a workload of the lab and a
//! few sentences. [`walk`] is the way through it: which scene is shown, the results of those before,
//! how long there is to read. [`summary`] is the table at the end.
//!
//! # The format of a script
//!
//! One instruction per line; `#` begins a comment, blank lines mean nothing.
//!
//! | line | means |
//! | --- | --- |
//! | `tour TEXT` | the name of the tour; at most once, first |
//! | `title TEXT` | begins a scene with this heading |
//! | `say TEXT` | a sentence: before the workload if it stands before it, else after it |
//! | `step SCENARIO [OPTION]...` | runs a scenario of the lab |
//! | `compare SCENARIO SCENARIO [OPTION]...` | runs two in the same setting, and compares them |
//! | `hazard NAME` | reproduces a hazard of the lab |
//! | `wait SECONDS` | how long the sentences before it stay, instead of a reading time |
//! | `wait key` | they stay until a key is pressed |
//!
//! Options: `sink=NAME`, `size=BYTES`, `chunk=BYTES`, `repeat=N`, `cold`.
//!
//! A scene has at most one workload: the next one begins a scene by itself.

pub mod code;
pub mod guess;
pub mod parse;
pub mod reveal;
pub mod rival;
pub mod script;
pub mod sentence;
pub mod summary;
pub mod walk;
pub mod words;
