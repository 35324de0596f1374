//! Text of any length that looks like words.

use std::array;

use rand::Rng as _;

use crate::seed::Rng;

/// 32 letters, the frequent ones of English more than once: five random bits are a letter.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvweeeeaaoti";
/// Letters that five bits each can be taken for from one draw of 64 bits, before three bits
/// that are left decide on the word's length.
const LETTERS_PER_DRAW: usize = 12;
/// Letters of the longest word.
const WORD_MAX: usize = 10;

/// Lower-case words of 3 to 10 letters with single spaces between them: exactly `bytes` long,
/// no space at either end.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the last bits are what is asked for"
)]
pub(super) fn words(bytes: usize, rng: &mut Rng) -> String {
    // Each word is written with all the letters that it could have, and what follows it over those
    // that it has not: a loop over as many as it has would be guessed wrong each time.
    let mut text = vec![b' '; bytes + WORD_MAX];
    let mut length = 0;
    while length < bytes {
        let bits = rng.next_u64();
        let word = 3 + (bits >> (5 * LETTERS_PER_DRAW)) as usize % 8;
        let letter = |at: usize| LETTERS[(bits >> (5 * at)) as usize & 31];
        let letters: [u8; WORD_MAX] = array::from_fn(letter);
        text[length..length + WORD_MAX].copy_from_slice(&letters);
        length += word.min(bytes - length);
        if length + 1 < bytes {
            text[length] = b' ';
            length += 1;
        }
    }
    text.truncate(bytes);
    String::from_utf8(text).expect("letters and spaces are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Letter by letter.
    fn spelt(bytes: usize, rng: &mut Rng) -> String {
        let mut text = String::new();
        while text.len() < bytes {
            let mut bits = rng.next_u64();
            let word = 3 + (bits >> (5 * LETTERS_PER_DRAW)) as usize % 8;
            for _ in 0..word.min(bytes - text.len()) {
                text.push(char::from(LETTERS[(bits & 31) as usize]));
                bits >>= 5;
            }
            if text.len() + 1 < bytes {
                text.push(' ');
            }
        }
        text
    }

    #[test]
    fn text_of_every_length_is_what_its_letters_spell() {
        let stream = Seed(7).stream("text");
        for (number, length) in (0..).zip(0..400) {
            let expected = spelt(length, &mut stream.at(number));
            assert_eq!(words(length, &mut stream.at(number)), expected);
        }
    }
}
