//! The capacity model: the reference vectors, and its laws.

mod heat;
mod laws;
mod prices;
mod size;
mod supply;
mod vectors;
