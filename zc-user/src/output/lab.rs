//! The lab's findings as text, JSON, CSV and Markdown.

mod compare;
mod csv;
mod json;
mod list;
mod markdown;
mod summary;
mod text;

pub use self::{
    compare::{
        write as write_comparison, write_csv as write_comparison_csv,
        write_json as write_comparison_json, write_markdown as write_comparison_markdown,
    },
    csv::write as write_csv,
    json::write as write_json,
    list::{write_details, write_list, write_list_json},
    markdown::write as write_markdown,
    text::{Look, Text},
};
