//! The exercise `zc lab mystery`: three programs without a label, of which one makes the CPU copy far more than it has
//! to. The class finds it with `zc top`, has it fixed, and what was recorded before and after says whether that was the
//! right one.
//!
//! [`suspect`] is such a program, [`role`] what it does, [`lineup`] starts and ends the three, and [`grade`] compares
//! what was recorded.

pub mod grade;
pub mod lineup;
pub mod role;
pub mod suspect;
pub mod table;
pub mod words;
