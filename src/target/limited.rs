//! A target that stops spending at a limit.
//!
//! Before an attempt is sent, what it may cost at most is set aside; what its answer declares
//! takes the place of that. An attempt whose answer was lost keeps it: it may have been charged.
//! So the sum is never below the bill of the requests, and nothing is sent that could exceed
//! the limit.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Notify;

use super::{Answer, Attempted, Target};
use crate::{
    analysis::spend::{Tariff, WorstCase},
    record::Declared,
    scenario::{OperationKind, Scenario, Table},
    workload::Request,
};

/// What is counted: a millionth of a millionth of a dollar, since half a read is 6e-8 dollars.
const PER_DOLLAR: f64 = 1e12;

/// What may be spent, and what was. Shared by everything that spends it.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    spent: AtomicU64,
    is_reached: AtomicBool,
    reached: Notify,
}

impl Budget {
    /// So many dollars, of which so many are spent already.
    #[must_use]
    pub fn new(limit_usd: f64, spent_usd: f64) -> Self {
        Self {
            limit: pico(limit_usd),
            spent: AtomicU64::new(pico(spent_usd)),
            is_reached: AtomicBool::new(false),
            reached: Notify::new(),
        }
    }

    /// Waits until an attempt was refused because it might have exceeded the limit.
    pub async fn reached(&self) {
        let notified = self.reached.notified();
        if !self.is_reached() {
            notified.await;
        }
    }

    /// Whether one was.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Acquire)
    }

    /// Dollars spent so far, at most.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub fn spent_usd(&self) -> f64 {
        self.spent.load(Ordering::Acquire) as f64 / PER_DOLLAR
    }

    /// Sets `amount` aside, if that does not exceed the limit.
    fn take(&self, amount: u64) -> bool {
        let fits = |spent: u64| {
            let sum = spent.saturating_add(amount);
            (sum <= self.limit).then_some(sum)
        };
        let order = Ordering::AcqRel;
        let taken = self.spent.fetch_update(order, Ordering::Acquire, fits);
        if taken.is_err() {
            self.is_reached.store(true, Ordering::Release);
            self.reached.notify_waiters();
        }
        taken.is_ok()
    }

    /// What was set aside cost something else.
    fn settle(&self, aside: u64, cost: u64) {
        // The dear side first: the sum is never too small.
        self.spent.fetch_add(cost, Ordering::AcqRel);
        self.spent.fetch_sub(aside, Ordering::AcqRel);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "dollars, not negative; saturates above 18 million"
)]
fn pico(usd: f64) -> u64 {
    (usd * PER_DOLLAR).ceil() as u64
}

/// Sends what the budget allows, through another target.
#[derive(Debug)]
pub struct Limited<T> {
    target: Arc<T>,
    budget: Arc<Budget>,
    tariff: Tariff,
    tables: Vec<String>,
    /// What an attempt of a kind on a table costs at most.
    dearest: Vec<(usize, OperationKind, u64)>,
}

impl<T: Target> Limited<T> {
    /// `target`, as long as `budget` lasts, for the operations of `scenario`.
    #[must_use]
    pub fn new(
        target: Arc<T>,
        budget: Arc<Budget>,
        scenario: &Scenario,
        tariff: Tariff,
        worst: &WorstCase,
    ) -> Self {
        let each = scenario.operations.iter().zip(&worst.attempt_usd);
        let tables = scenario.tables.iter().map(|table| table.name.clone());
        Self {
            target,
            budget,
            tariff,
            tables: tables.collect(),
            dearest: each
                .map(|(spec, usd)| (spec.table, spec.kind, pico(*usd)))
                .collect(),
        }
    }

    fn dearest(&self, table: usize, kind: OperationKind) -> u64 {
        let same = self
            .dearest
            .iter()
            .filter(|one| (one.0, one.1) == (table, kind));
        same.map(|one| one.2).max().unwrap_or_default()
    }
}

impl<T: Target> Target for Limited<T> {
    async fn execute(&self, table: &Table, request: &Request) -> Attempted {
        let index = self.tables.iter().position(|name| *name == table.name);
        let index = index.expect("operations are on tables of the scenario");
        let aside = self.dearest(index, request.kind());
        if !self.budget.take(aside) {
            return Attempted {
                answer: Answer::Failed {
                    cause: "not sent: the spend limit is reached".to_owned(),
                    retryable: false,
                },
                declared: Declared::default(),
            };
        }
        // If this is dropped at its deadline, what was set aside stays so.
        let attempted = self.target.execute(table, request).await;
        let declared = pico(self.tariff.cost(index, &attempted.declared));
        let is_declared = attempted.declared.conditions_failed == 0;
        match attempted.answer {
            Answer::Completed if is_declared => self.budget.settle(aside, declared),
            Answer::Throttled { .. } => self.budget.settle(aside, declared),
            _ => self.budget.settle(aside, aside.max(declared)),
        }
        attempted
    }

    async fn connect(&self) {
        self.target.connect().await;
    }

    fn of_thread(&self) -> Self {
        Self {
            target: Arc::new(self.target.of_thread()),
            budget: Arc::clone(&self.budget),
            tariff: self.tariff.clone(),
            tables: self.tables.clone(),
            dearest: self.dearest.clone(),
        }
    }
}
