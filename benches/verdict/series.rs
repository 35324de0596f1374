//! Made-up histories: what a metric might look like over 60 nights.

use std::f64::consts::TAU;

use dynamometer::seed::{Seed, Stream};

/// Nights of a series.
pub const NIGHTS: usize = 60;

/// How nights differ although nothing has changed. All have the same standard deviation.
#[derive(Clone, Copy)]
enum Noise {
    Gaussian,
    /// Student's t with three degrees of freedom.
    Heavy,
    /// Neighbouring nights correlate by 0.3.
    Correlated,
}

/// What happens at the changed night.
#[derive(Clone, Copy)]
enum Shape {
    Nothing,
    Step(f64),
    /// 1 % more each night, ten times.
    Ramp,
    /// One night 30 % slower.
    Outlier,
    /// Five nights 10 % slower.
    Recovery,
    /// The noise doubles.
    Variance,
}

/// A kind of series.
#[derive(Clone, Copy)]
pub struct Kind {
    /// In a few words.
    pub name: &'static str,
    noise: Noise,
    deviation: f64,
    shape: Shape,
    /// Whether an alert is right from the changed night on.
    pub changes: bool,
}

const fn kind(name: &'static str, noise: Noise, percent: f64, shape: Shape) -> Kind {
    let changes = !matches!(shape, Shape::Nothing | Shape::Variance);
    Kind {
        name,
        noise,
        deviation: percent / 100.0,
        shape,
        changes,
    }
}

use Noise::{Correlated, Gaussian, Heavy};
use Shape::{Nothing, Outlier, Ramp, Recovery, Step, Variance};

/// All kinds; percentages are standard deviations.
pub const KINDS: &[Kind] = &[
    kind("null gaussian 2%", Gaussian, 2.0, Nothing),
    kind("null heavy 2%", Heavy, 2.0, Nothing),
    kind("null correlated 2%", Correlated, 2.0, Nothing),
    kind("null variance 2% to 4%", Gaussian, 2.0, Variance),
    kind("null gaussian 1%", Gaussian, 1.0, Nothing),
    kind("null gaussian 4%", Gaussian, 4.0, Nothing),
    kind("null heavy 4%", Heavy, 4.0, Nothing),
    kind("null correlated 4%", Correlated, 4.0, Nothing),
    kind("+5% gaussian 2%", Gaussian, 2.0, Step(0.05)),
    kind("+10% gaussian 2%", Gaussian, 2.0, Step(0.10)),
    kind("+20% gaussian 2%", Gaussian, 2.0, Step(0.20)),
    kind("+5% heavy 2%", Heavy, 2.0, Step(0.05)),
    kind("+10% heavy 2%", Heavy, 2.0, Step(0.10)),
    kind("+20% heavy 2%", Heavy, 2.0, Step(0.20)),
    kind("+5% correlated 2%", Correlated, 2.0, Step(0.05)),
    kind("+10% correlated 2%", Correlated, 2.0, Step(0.10)),
    kind("+20% correlated 2%", Correlated, 2.0, Step(0.20)),
    kind("+5% gaussian 4%", Gaussian, 4.0, Step(0.05)),
    kind("+10% gaussian 4%", Gaussian, 4.0, Step(0.10)),
    kind("+20% gaussian 4%", Gaussian, 4.0, Step(0.20)),
    kind("ramp to +10% gaussian 2%", Gaussian, 2.0, Ramp),
    kind("outlier +30% gaussian 2%", Gaussian, 2.0, Outlier),
    kind("recovery +10% gaussian 2%", Gaussian, 2.0, Recovery),
];

/// One series.
pub struct Sample {
    /// One value for each night, 1 being the level before.
    pub values: Vec<f64>,
    /// The first night that is different, from 25 to 44.
    pub changed: usize,
}

impl Kind {
    /// Series `number` of this kind.
    pub fn sample(&self, seed: Seed, number: u64) -> Sample {
        let mut draws = Draws::new(seed, self.name, number);
        let changed = 25 + draws.below(20);
        let mut before = draws.normal();
        let mut value = |night: usize| {
            let noise = match self.noise {
                Gaussian => draws.normal(),
                Heavy => draws.student3() / 3.0_f64.sqrt(),
                Correlated => {
                    before = 0.3 * before + (1.0_f64 - 0.3 * 0.3).sqrt() * draws.normal();
                    before
                }
            };
            let after = night.checked_sub(changed);
            let wider = matches!((self.shape, after), (Variance, Some(_)));
            let deviation = if wider {
                2.0 * self.deviation
            } else {
                self.deviation
            };
            (1.0 + self.shape.effect(after)) * (noise * deviation).exp()
        };
        let values = (0..NIGHTS).map(&mut value).collect();
        Sample { values, changed }
    }
}

impl Shape {
    /// The effect `after` nights after the change.
    #[expect(clippy::cast_precision_loss, reason = "numbers of nights")]
    fn effect(self, after: Option<usize>) -> f64 {
        match (self, after) {
            (_, None) | (Nothing | Variance, _) => 0.0,
            (Step(size), Some(_)) => size,
            (Ramp, Some(nights)) => (0.01 * (nights + 1) as f64).min(0.10),
            (Outlier, Some(nights)) => {
                if nights == 0 {
                    0.30
                } else {
                    0.0
                }
            }
            (Recovery, Some(nights)) => {
                if nights < 5 {
                    0.10
                } else {
                    0.0
                }
            }
        }
    }
}

/// Random numbers of one series.
struct Draws {
    stream: Stream,
    next: u64,
}

impl Draws {
    fn new(seed: Seed, kind: &str, number: u64) -> Self {
        Self {
            stream: seed.stream(&format!("{kind}/{number}")),
            next: 0,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    fn uniform(&mut self) -> f64 {
        self.next += 1;
        ((self.stream.bits(self.next) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }

    fn student3(&mut self) -> f64 {
        let normal = self.normal();
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        normal / (squares / 3.0).sqrt()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "below `count`"
    )]
    fn below(&mut self, count: usize) -> usize {
        (self.uniform() * count as f64) as usize
    }
}
