//! Numbers with their unit, as scenario files write them: `"250ms"`, `"4 KiB"`, `"30k/min"`.
//!
//! Text to a number in the quantity's base unit, and back for messages. Knows no keys.

/// A regular expression for rates of requests and of capacity units.
pub const TRAFFIC_PATTERN: &str = r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *[kM]? *(RCU|WCU)?/(s|min|h) *$";

/// A kind of quantity, each with one base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Time; base: nanoseconds.
    Duration,
    /// Arrivals; base: per second.
    Rate,
    /// Bytes.
    Size,
    /// A part of a whole; base: the whole is 1.
    Share,
    /// Read capacity units per second.
    ReadUnits,
    /// Write capacity units per second.
    WriteUnits,
}

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A number alone.
    UnitMissing {
        /// The number as written.
        number: String,
    },
    /// Not a unit of this quantity.
    UnitUnknown {
        /// The unit as written.
        unit: String,
        /// What is wrong with just this one, where that is known.
        hint: Option<&'static str>,
    },
    /// No number in front.
    NumberMissing,
}

impl Quantity {
    /// Unit, multiplier and divisor to the base unit; smallest first.
    const fn units(self) -> &'static [(&'static str, f64, f64)] {
        match self {
            Self::Duration => &[
                ("ns", 1.0, 1.0),
                ("us", 1e3, 1.0),
                ("µs", 1e3, 1.0),
                ("ms", 1e6, 1.0),
                ("s", 1e9, 1.0),
                ("min", 60e9, 1.0),
                ("h", 3600e9, 1.0),
            ],
            Self::Rate => &[
                ("/h", 1.0, 3600.0),
                ("/min", 1.0, 60.0),
                ("/s", 1.0, 1.0),
                ("k/h", 1e3, 3600.0),
                ("k/min", 1e3, 60.0),
                ("k/s", 1e3, 1.0),
                ("M/h", 1e6, 3600.0),
                ("M/min", 1e6, 60.0),
                ("M/s", 1e6, 1.0),
            ],
            Self::Size => &[
                ("B", 1.0, 1.0),
                ("KiB", 1024.0, 1.0),
                ("MiB", 1_048_576.0, 1.0),
            ],
            Self::Share => &[("%", 1.0, 100.0)],
            Self::ReadUnits => &[("RCU", 1.0, 1.0)],
            Self::WriteUnits => &[("WCU", 1.0, 1.0)],
        }
    }

    /// What it is called in messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Duration => "a duration",
            Self::Rate => "a rate",
            Self::Size => "a size",
            Self::Share => "a share",
            Self::ReadUnits => "read capacity",
            Self::WriteUnits => "write capacity",
        }
    }

    /// Its units, for messages.
    #[must_use]
    pub const fn unit_list(self) -> &'static str {
        match self {
            Self::Duration => "ns, us, ms, s, min, h",
            Self::Rate => "/s, /min, /h, also with k or M: k/s, M/min",
            Self::Size => "B, KiB, MiB",
            Self::Share => "%",
            Self::ReadUnits => "RCU",
            Self::WriteUnits => "WCU",
        }
    }

    /// `number` with a likely unit or two, ready to be pasted.
    #[must_use]
    pub fn examples(self, number: &str) -> String {
        match self {
            Self::Duration => format!("\"{number}s\" or \"{number}ms\""),
            Self::Rate => {
                let per_minute = number.parse().unwrap_or(1.0) * 60.0;
                let per_minute = if per_minute >= 1e3 {
                    format!("{}k", per_minute / 1e3)
                } else {
                    per_minute.to_string()
                };
                format!("\"{number}/s\" or \"{per_minute}/min\"")
            }
            Self::Size => format!("\"{number} B\" or \"{number} KiB\""),
            Self::Share => format!("\"{number} %\""),
            Self::ReadUnits => format!("\"{number} RCU\""),
            Self::WriteUnits => format!("\"{number} WCU\""),
        }
    }

    /// A regular expression for the texts that [`Quantity::parse`] takes.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Duration => r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *(ns|us|µs|ms|s|min|h) *$",
            Self::Rate => r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *[kM]?/(s|min|h) *$",
            Self::Size => r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *(B|KiB|MiB) *$",
            Self::Share => r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *% *$",
            Self::ReadUnits => r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *RCU *$",
            Self::WriteUnits => r"^ *[0-9](_?[0-9])*(\.[0-9]+)? *WCU *$",
        }
    }

    /// The number that `text` stands for, in the base unit; finite, but unchecked otherwise.
    ///
    /// # Errors
    /// When the unit is missing or is not one of this quantity, or there is no number.
    pub fn parse(self, text: &str) -> Result<f64, Fault> {
        let text = text.trim_matches(' ');
        let (number, unit) = split(text).ok_or(Fault::NumberMissing)?;
        if unit.is_empty() {
            return Err(Fault::UnitMissing {
                number: number.to_owned(),
            });
        }
        let Some((_, multiplier, divisor)) = self.units().iter().find(|(name, ..)| *name == unit)
        else {
            return Err(Fault::UnitUnknown {
                unit: unit.to_owned(),
                hint: self.hint(unit),
            });
        };
        let digits = number.replace('_', "");
        let number = if self == Self::Share {
            // By its decimal exponent: 99.9 ÷ 100 is not 0.999 in binary.
            format!("{digits}e-2").parse()
        } else {
            digits
                .parse()
                .map(|number: f64| number * multiplier / divisor)
        };
        number
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or(Fault::NumberMissing)
    }

    /// `value`, given in the base unit, as a file would write it.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        let fitting = self
            .units()
            .iter()
            .rev()
            .find(|(name, multiplier, divisor)| {
                let scaled = value / multiplier * divisor;
                !name.starts_with('µ') && scaled >= 1.0 && (scaled * 1e3).fract().abs() < 1e-6
            });
        let preferred = if self == Self::Rate {
            let units = [("M/s", 1e6, 1.0), ("k/s", 1e3, 1.0), ("/s", 1.0, 1.0)];
            units
                .into_iter()
                .find(|(_, multiplier, _)| value >= *multiplier)
        } else {
            fitting.copied()
        };
        let (unit, multiplier, divisor) = preferred.unwrap_or(match self {
            Self::Rate => ("/s", 1.0, 1.0),
            Self::Duration => ("s", 1e9, 1.0),
            _ => self.units()[0],
        });
        let scaled = (value / multiplier * divisor * 1e6).round() / 1e6;
        let gap = match self {
            Self::Duration | Self::Rate => "",
            _ => " ",
        };
        format!("{}{gap}{unit}", grouped(scaled))
    }

    fn hint(self, unit: &str) -> Option<&'static str> {
        match (self, unit) {
            (Self::Size, "KB" | "kB" | "kb" | "Kb" | "K" | "k") => {
                Some("DynamoDB's KB are 1,024 bytes: write KiB")
            }
            (Self::Size, "MB" | "mb" | "Mb" | "M") => {
                Some("DynamoDB's MB are 1,048,576 bytes: write MiB")
            }
            (Self::Size, "b" | "bytes" | "byte") => Some("write B"),
            (Self::Duration, "m" | "M") => Some("write min for minutes or ms for milliseconds"),
            (Self::Duration, "sec" | "secs" | "seconds" | "second" | "S") => Some("write s"),
            (Self::Duration, "d" | "day" | "days") => Some("write hours: 1 day is 24h"),
            (Self::Duration, "minutes" | "minute" | "mins") => Some("write min"),
            (Self::Duration, "hours" | "hour" | "hr") => Some("write h"),
            (Self::Rate, "rps" | "/sec" | "/second" | "s" | "op/s" | "ops" | "tps" | "qps") => {
                Some("write /s")
            }
            (Self::Rate, "/m" | "/minute") => Some("write /min"),
            (Self::Rate, "RCU" | "rcu/s") => Some("write RCU/s"),
            (Self::Rate, "WCU" | "wcu/s") => Some("write WCU/s"),
            (Self::Rate, "K/s") => Some("write k/s"),
            (Self::ReadUnits, "WCU" | "WRU") => Some("reads are bought in RCU"),
            (Self::WriteUnits, "RCU" | "RRU") => Some("writes are bought in WCU"),
            _ => None,
        }
    }
}

/// The number in front and the rest, without blanks between them.
fn split(text: &str) -> Option<(&str, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let sign = text.len() - unsigned.len();
    let whole = digits(unsigned, true);
    if whole == 0 {
        return None;
    }
    let mut length = sign + whole;
    if let Some(fraction) = text[length..].strip_prefix('.') {
        match digits(fraction, false) {
            0 => return None,
            more => length += 1 + more,
        }
    }
    Some((&text[..length], text[length..].trim_start_matches(' ')))
}

/// Bytes of the digits that `text` starts with; `_` only between two digits.
fn digits(text: &str, grouping: bool) -> usize {
    let bytes = text.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let joins = grouping
            && *byte == b'_'
            && length > 0
            && bytes[length - 1].is_ascii_digit()
            && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !joins {
            break;
        }
        length += 1;
    }
    length
}

/// `1234567.5` as `1,234,567.5`.
#[must_use]
pub fn grouped(value: f64) -> String {
    let text = value.to_string();
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut out = String::from(sign);
    for (number, digit) in whole.chars().enumerate() {
        if number > 0 && (whole.len() - number).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}
