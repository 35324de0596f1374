//! Which items a law asks for most, and how often: from the law, without drawing.

use super::{Keys, Law};

/// Items with their shares of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Popular {
    /// Numbers of items, each with its share.
    pub items: Vec<(u64, f64)>,
    /// The share of all others, which differ little among themselves.
    pub rest: f64,
}

impl Keys {
    /// The `most` popular items, all of them where there are no more; `None` where that does
    /// not follow from the law alone, or changes with time.
    #[must_use]
    pub fn popular(&self, most: u64) -> Option<Popular> {
        if self.missing.is_some() {
            return None;
        }
        let alike = |items: u64| {
            let listed = if items <= most { items } else { 0 };
            listed_evenly(0..listed, if listed > 0 { 1.0 } else { 0.0 })
        };
        let items = match &self.law {
            Law::Uniform { items } | Law::Sequential { items, .. } => alike(*items),
            Law::New { .. } => Vec::new(),
            Law::Zipfian { ranks } => (0..).zip(ranks.law().shares(most)).collect(),
            Law::Scrambled { ranks, spread } => {
                let shares = (0..).zip(ranks.law().shares(most));
                shares
                    .map(|(rank, share)| (spread.apply(rank), share))
                    .collect()
            }
            Law::HotSet(hot) => {
                let (hot, items, traffic) = hot.resting()?;
                let mut listed = Vec::new();
                if hot <= most {
                    listed = listed_evenly(0..hot, traffic);
                    if items <= most {
                        listed.extend(listed_evenly(hot..items, 1.0 - traffic));
                    }
                }
                listed
            }
            _ => return None,
        };
        let listed: f64 = items.iter().map(|(_, share)| share).sum();
        Some(Popular {
            items,
            rest: (1.0 - listed).max(0.0),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of items in memory")]
fn listed_evenly(numbers: std::ops::Range<u64>, share: f64) -> Vec<(u64, f64)> {
    let each = share / (numbers.end - numbers.start).max(1) as f64;
    numbers.map(|number| (number, each)).collect()
}
