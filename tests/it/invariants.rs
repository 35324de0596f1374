//! The 29 laws that any model of DynamoDB's capacity has to satisfy, by their numbers in the
//! project's reference: accounting 1–12, throttling 13–25, scaling and cost 26–29.

mod accounting;
mod scaling;
mod throttling;
mod wire;
