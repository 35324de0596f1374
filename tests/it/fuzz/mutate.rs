//! Input that is nearly right: pieces of valid input, changed, doubled, cut and mixed.

use dynamometer::seed::Stream;
use rand::RngExt as _;

/// What parsers stumble over.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1e308",
    "-0.0",
    "NaN",
    "inf",
    "18446744073709551615",
    "9223372036854775808",
    "0.1e-400",
    "true",
    "null",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "{\"a\":",
    "]",
    "}",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "\u{10ffff}",
    "\\",
    "\\u0000",
    "\\ud800",
    "\"",
    "'",
    "\"\"\"",
    ",",
    ",,",
    "=",
    " = ",
    "#",
    "%",
    "100 %",
    "0 %",
    "1ns",
    "1e9s",
    "0s",
    "1 RCU",
    "40000 RCU",
    "0/s",
    "1e9/s",
    "1 B",
    "400 KB",
    "items = 1",
    "kind = \"",
    "<script>",
    "../..",
];
/// Larger inputs only take longer.
const BYTES_MAX: usize = 64 * 1024;

/// Makes inputs, each from its number alone.
pub struct Mutator {
    stream: Stream,
    valid: Vec<Vec<u8>>,
}

impl Mutator {
    pub fn new(stream: Stream, valid: Vec<Vec<u8>>) -> Self {
        Self { stream, valid }
    }

    pub fn input(&self, number: u64) -> Vec<u8> {
        let mut random = self.stream.at(number);
        let mut pick = |below: usize| random.random_range(0..below.max(1));
        let mut input = self.valid[pick(self.valid.len())].clone();
        for _ in 0..=pick(6) {
            let (at, until) = (pick(input.len() + 1), pick(input.len() + 1));
            let (from, to) = (at.min(until), at.max(until));
            // Most pieces are small, so that most of the input stays valid.
            let to = if pick(4) > 0 {
                to.min(from + 1 + pick(20))
            } else {
                to
            };
            match pick(8) {
                0 if from < input.len() => input[from] ^= 1 << pick(8),
                1 => drop(input.drain(from..to)),
                2 => {
                    let piece = input[from..to].to_vec();
                    let place = pick(input.len() + 1);
                    input.splice(place..place, piece);
                }
                3 => {
                    let other = &self.valid[pick(self.valid.len())];
                    let (one, two) = (pick(other.len() + 1), pick(other.len() + 1));
                    let piece = other[one.min(two)..one.max(two)].to_vec();
                    input.splice(from..to, piece);
                }
                4 => drop(input.splice(from..to, WORDS[pick(WORDS.len())].bytes())),
                5 => {
                    // A number in place of a number.
                    let digit = |byte: &u8| byte.is_ascii_digit();
                    if let Some(start) = input[from..].iter().position(digit) {
                        let start = from + start;
                        let end = input[start..].iter().take_while(|it| digit(it)).count();
                        let word = WORDS[pick(9)];
                        input.splice(start..start + end, word.bytes());
                    }
                }
                6 => input.truncate(to),
                _ => {
                    let piece = input[from..to].repeat(pick(50));
                    input.splice(to..to, piece);
                }
            }
        }
        input.truncate(BYTES_MAX);
        input
    }
}
