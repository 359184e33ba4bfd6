//! The mechanisms: one small file each, to be read as a textbook example.

pub(super) mod read_write;
pub(super) mod sendfile;
