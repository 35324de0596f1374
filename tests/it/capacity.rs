//! The capacity model: the reference vectors, and its laws.

mod laws;
mod prices;
mod vectors;
