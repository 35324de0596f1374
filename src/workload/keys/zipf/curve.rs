//! A smooth function in pieces that are sooner computed than the function.
//!
//! Owns how near the pieces come to it, and knows where they do not; must not know which function
//! it is.

use super::whole::Whole;

/// Pieces of equal width; all of them together stay near the processor.
const PIECES: usize = 128;
/// A polynomial of degree 7 for each.
const TERMS: usize = 8;
/// How far off the function a piece may be, relative to it: some ten times what rounding alone
/// brings about.
const TOLERANCE: f64 = 1e-13;
/// Where a piece is looked at, evenly over its width.
const LOOKS: usize = 24;

/// A positive function of a share.
#[derive(Clone, Debug)]
pub(super) struct Curve(Box<[Piece]>);

/// The terms of a polynomial over −½..=½, the constant first; not a number where none is near
/// enough.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Piece([f64; TERMS]);

impl Curve {
    pub(super) fn new(function: impl Fn(f64) -> f64) -> Self {
        let middle = |number: usize| (float(number) + 0.5) / float(PIECES);
        let piece = |number| Piece::near(|z: f64| function(middle(number) + z / float(PIECES)));
        Self((0..PIECES).map(piece).collect())
    }

    /// The function of `share`, from 0 and below 1, with a relative error of at most 10⁻¹³; not a
    /// number where it has to be asked itself.
    #[inline]
    pub(super) fn at(&self, share: f64) -> f64 {
        let position = share * float(PIECES) - 0.5;
        let number = Whole::nearest(position);
        let piece = usize::try_from(number.count()).ok();
        match piece.and_then(|piece| self.0.get(piece)) {
            Some(piece) => piece.at(position - number.float()),
            None => f64::NAN,
        }
    }
}

impl Piece {
    /// The polynomial that equals `function` where Chebyshev's of degree 8 is zero.
    fn near(function: impl Fn(f64) -> f64) -> Self {
        let node = |k: usize| ((2.0 * float(k) + 1.0) * std::f64::consts::PI / 16.0).cos() / 2.0;
        let nodes: [f64; TERMS] = std::array::from_fn(node);
        // Newton's divided differences.
        let mut differences = nodes.map(&function);
        for order in 1..TERMS {
            for k in (order..TERMS).rev() {
                let rise = differences[k] - differences[k - 1];
                differences[k] = rise / (nodes[k] - nodes[k - order]);
            }
        }
        // Multiplied out, from the innermost bracket on.
        let mut terms = [0.0; TERMS];
        for k in (0..TERMS).rev() {
            for term in (1..TERMS).rev() {
                terms[term] = terms[term - 1] - nodes[k] * terms[term];
            }
            terms[0] = differences[k] - nodes[k] * terms[0];
        }
        let piece = Self(terms);
        let is_near = |look: usize| {
            let z = float(look) / float(LOOKS) - 0.5;
            let exact = function(z);
            (piece.at(z) - exact).abs() <= TOLERANCE * exact
        };
        if (0..=LOOKS).all(is_near) {
            piece
        } else {
            Self([f64::NAN; TERMS])
        }
    }

    /// In pairs, and pairs of pairs: no term waits for all others.
    #[inline]
    fn at(&self, z: f64) -> f64 {
        let square = z * z;
        let pair = |first: usize| self.0[first] + self.0[first + 1] * z;
        let low = pair(0) + pair(2) * square;
        let high = pair(4) + pair(6) * square;
        low + high * (square * square)
    }
}

#[expect(clippy::cast_precision_loss, reason = "small")]
const fn float(number: usize) -> f64 {
    number as f64
}
