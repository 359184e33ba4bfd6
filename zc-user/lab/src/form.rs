//! The lab's findings as text, JSON, CSV and Markdown.

mod compare;
mod csv;
mod hazard;
mod json;
mod list;
mod markdown;
mod spread;
mod summary;
mod text;
mod theory;

pub(crate) use self::list::in_words;
pub use self::{
    compare::{
        write as write_comparison, write_csv as write_comparison_csv,
        write_json as write_comparison_json, write_markdown as write_comparison_markdown,
    },
    csv::write as write_csv,
    hazard::{
        write_details as write_hazard_details, write_json as write_hazards_json,
        write_list as write_hazards, write_text as write_hazard,
    },
    json::write as write_json,
    list::{write_details, write_list, write_list_json},
    markdown::write as write_markdown,
    text::{Look, Text},
};
