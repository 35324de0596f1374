//! Night after night, shown: as a page, as Markdown, CSV and `JUnit` XML, as a badge.
//!
//! Owns how a trend is told; must not know how it is decided. Names come from scenarios,
//! servers and commits, and each format escapes them as it needs.

pub mod badge;
mod chart;
pub mod csv;
pub mod markdown;
pub mod page;
pub mod text;
pub mod view;
