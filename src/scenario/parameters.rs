//! The rules of DynamoDB that AWS does not publish, as named parameters with their defaults.
//!
//! Set under `[model]` in a scenario; `dyno run` prints those that differ from the default.

use serde::{Deserialize, Serialize};

use crate::units::Share;

/// Parameters of the capacity model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelParameters {
    /// How many bytes a number takes, where measurements fit two rules.
    pub number_size_rule: NumberSizeRule,
    /// Bytes below 400 KB from which `UpdateItem` refuses the item that it would lead to
    /// (measured: a few, by a rule that is not known). 0–2,000.
    pub update_ceiling_slack_bytes: u32,
    /// Whether a page of a query or scan holds the item that takes it beyond 1 MiB.
    pub page_limit_rule: PageLimitRule,
    /// How a page of a scan rounds that spans partitions.
    pub scan_rounding: ScanRounding,
    /// What a write costs whose condition fails for want of an item; documents disagree.
    pub cond_fail_missing_rule: CondFailMissingRule,
    /// How unused capacity is kept for bursts.
    pub burst_model: BurstModel,
    /// Seconds of unused capacity that are kept for bursts (documented: up to 300; measured
    /// 266–325). 1–3,600.
    pub burst_seconds: u32,
    /// Share of the burst that a table has when the run starts. AWS says only "unused
    /// capacity": a new table has no unused past.
    pub initial_burst_fraction: Share,
    /// When a bucket admits.
    pub admission_rule: AdmissionRule,
    /// How many partitions a new table gets.
    pub partition_count_rule: PartitionCountRule,
    /// Depth of a partition's bucket in seconds of its ceiling. 1–300.
    pub partition_bucket_seconds: u32,
    /// Whether a partition may use the whole table's capacity.
    pub partition_share_mode: PartitionShareMode,
    /// RCU that one partition serves per second (documented: 3,000).
    pub partition_read_cap: u32,
    /// WCU that one partition serves per second (documented: 1,000).
    pub partition_write_cap: u32,
    /// GiB that one partition holds (documented: about 10). 0.001–1,000.
    pub split_size_gb: f64,
    /// How much more than its read ceiling a partition serves of eventually consistent reads (a
    /// public test saw 1.5: three replicas answer). 1–3; 1–1.5 is plausible.
    pub ec_read_partition_multiplier: f64,
    /// Seconds for which routers are handed capacity at a time (documented: every few seconds);
    /// 0 hands it out continuously. 0–10.
    pub gac_replenish_seconds: u32,
    /// Share of its ceiling from which a partition is hot. 0.01–1; 0.5–1 is plausible.
    pub split_trigger_fraction: Share,
    /// Seconds that a partition is hot until it splits (a public test saw about 600).
    /// 1–86,400; 300–1,800 is plausible.
    pub split_trigger_seconds: u32,
    /// Seconds that a split takes ("minutes"). 0–3,600; 60–600 is plausible.
    pub split_duration_seconds: u32,
    /// Share of a partition's heat from which one key makes a split useless. 0.5–1.
    pub single_key_share: Share,
    /// Where a hot partition splits.
    pub split_policy: SplitPolicy,
    /// When a global index that is out of capacity stops the writes to its table.
    pub gsi_backpressure_mode: BackpressureMode,
    /// Write units of an index that may wait, when buffered. 0–1,000,000.
    pub gsi_buffer_units: u32,
    /// Which exception tells of a hot partition and of an exhausted quota; documents disagree.
    pub throttle_exception_map: ThrottleExceptionMap,
    /// Whether an index has a quota of its own; documents disagree.
    pub quota_scope: QuotaScope,
    /// Read units per second that the account allows an on-demand table (documented: 40,000,
    /// adjustable).
    pub table_read_quota: u32,
    /// The same for writes.
    pub table_write_quota: u32,
    /// Read units per second that a new on-demand table serves at once (documented: 12,000).
    pub od_initial_read: u32,
    /// The same for writes (documented: 4,000).
    pub od_initial_write: u32,
    /// Seconds over which the peak of an on-demand table is averaged. 1–300.
    pub od_peak_window: u32,
    /// Seconds that a peak must be past until twice as much is served at once (documented:
    /// within 30 minutes). 0–3,600.
    pub od_growth_interval: u32,
    /// Seconds of unused maximum that an on-demand table keeps. 0–300.
    pub od_max_burst_seconds: u32,
    /// Minutes above target until auto scaling raises (documented: 2).
    pub as_high_points: u32,
    /// Minutes below target by the margin until auto scaling lowers (documented: 15).
    pub as_low_points: u32,
    /// That margin, in points of utilisation (documented: 20 %).
    pub as_scale_in_margin: Share,
    /// Seconds from the last of these minutes to the call of `UpdateTable`. 0–300 is plausible.
    pub as_alarm_delay_seconds: u32,
    /// Seconds from a call of `UpdateTable`, by auto scaling or by hand, to its effect. 0–300 is
    /// plausible.
    pub as_update_lag_seconds: u32,
    /// Whether a minute without traffic counts for auto scaling; documents disagree.
    pub as_treat_missing: TreatMissing,
    /// Decreases of a table's or an index's capacity that a UTC day begins with (documented: 4).
    pub decrease_tokens_start: u32,
    /// Decreases that are added each hour (documented: 1).
    pub decrease_tokens_per_hour: u32,
    /// Most decreases that are there at once (documented: 4).
    pub decrease_tokens_max: u32,
    /// Hours of a month, for prices by the month (by convention: 730). 720–744.
    pub hours_per_month: u32,
}

impl Default for ModelParameters {
    fn default() -> Self {
        Self {
            number_size_rule: NumberSizeRule::Base100Aligned,
            update_ceiling_slack_bytes: 0,
            page_limit_rule: PageLimitRule::IncludeCrossingItem,
            scan_rounding: ScanRounding::PerPartition,
            cond_fail_missing_rule: CondFailMissingRule::Carried,
            burst_model: BurstModel::TokenBucket,
            burst_seconds: 300,
            initial_burst_fraction: Share::NONE,
            admission_rule: AdmissionRule::DebitAfter,
            partition_count_rule: PartitionCountRule::Max,
            partition_bucket_seconds: 1,
            partition_share_mode: PartitionShareMode::Gac,
            partition_read_cap: 3000,
            partition_write_cap: 1000,
            split_size_gb: 10.0,
            ec_read_partition_multiplier: 1.0,
            gac_replenish_seconds: 0,
            split_trigger_fraction: Share::new(0.9).expect("a share"),
            split_trigger_seconds: 600,
            split_duration_seconds: 120,
            single_key_share: Share::new(0.9).expect("a share"),
            split_policy: SplitPolicy::WeightedMedian,
            gsi_backpressure_mode: BackpressureMode::Coupled,
            gsi_buffer_units: 1000,
            throttle_exception_map: ThrottleExceptionMap::ByMode,
            quota_scope: QuotaScope::PerResource,
            table_read_quota: 40_000,
            table_write_quota: 40_000,
            od_initial_read: 12_000,
            od_initial_write: 4_000,
            od_peak_window: 60,
            od_growth_interval: 1800,
            od_max_burst_seconds: 0,
            as_high_points: 2,
            as_low_points: 15,
            as_scale_in_margin: Share::new(0.2).expect("a share"),
            as_alarm_delay_seconds: 60,
            as_update_lag_seconds: 60,
            as_treat_missing: TreatMissing::Zero,
            decrease_tokens_start: 4,
            decrease_tokens_per_hour: 1,
            decrease_tokens_max: 4,
            hours_per_month: 730,
        }
    }
}

impl ModelParameters {
    /// Hours for which a price by the month is told.
    #[must_use]
    pub fn month(&self) -> f64 {
        self.hours_per_month.into()
    }

    /// All of them, as `name = value`.
    ///
    /// # Panics
    /// Never: every parameter is a number or a word.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields
                .into_iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect(),
            _ => unreachable!("a struct of numbers and words is a JSON object"),
        }
    }

    /// Those that differ from their defaults, as `name = value`: what a reader of a result has
    /// to know before comparing it with another.
    ///
    /// # Panics
    /// Never: every parameter is a number or a word.
    #[must_use]
    pub fn overrides(&self) -> Vec<String> {
        let fields = |parameters: &Self| match serde_json::to_value(parameters) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => unreachable!("a struct of numbers and words is a JSON object"),
        };
        let defaults = fields(&Self::default());
        fields(self)
            .into_iter()
            .filter(|(name, value)| defaults.get(name) != Some(value))
            .map(|(name, value)| format!("{name} = {value}"))
            .collect()
    }
}

/// When a bucket admits a request. Not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionRule {
    /// While the balance is positive; the cost is debited afterwards and may leave a debt.
    DebitAfter,
    /// Only when the balance covers the cost (or the bucket is full).
    Strict,
}

/// How many partitions a provisioned table starts with. Not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionCountRule {
    /// The largest of the needs by RCU, WCU and size.
    Max,
    /// RCU and WCU needs added before rounding, as old documentation had it.
    Sum,
}

/// Whether partitions share the table's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionShareMode {
    /// Global admission control: the table's bucket is shared, a partition is bounded only by
    /// its ceiling.
    Gac,
    /// Before adaptive capacity: a partition gets an even share of the table, with a burst of
    /// its own.
    LegacyEvenShare,
}

/// Where a partition splits that is hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitPolicy {
    /// In the middle of its traffic, as observed. [ATC22]
    WeightedMedian,
    /// In the middle of its key range.
    Midpoint,
}

/// When a global index that is out of capacity stops the writes to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackpressureMode {
    /// At once: a write is admitted only if all its indexes admit it.
    Coupled,
    /// Once a buffer of index writes is full; then no write to the table is admitted until it
    /// drains.
    Buffered,
}

/// What the account's quota for a table holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaScope {
    /// For the table, and for each global index on its own.
    PerResource,
    /// For the table and all its global indexes together.
    TablePlusGsis,
}

/// What auto scaling makes of a minute without traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreatMissing {
    /// A consumption of zero, so that an idle table is scaled in.
    Zero,
    /// Nothing: it neither counts nor interrupts.
    Ignore,
}

/// How many bytes a number takes. Measured; both fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberSizeRule {
    /// Pairs of digits aligned on the decimal point.
    #[serde(rename = "base100_aligned")]
    Base100Aligned,
    /// The digits before and behind the point, each rounded up to pairs.
    SplitDigits,
}

/// Where a page of a query or scan ends. Measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageLimitRule {
    /// Behind the item that brings it to 1 MiB.
    IncludeCrossingItem,
    /// Before the item that would take it beyond.
    Exclude,
}

/// How a page of a scan rounds that spans partitions. Not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanRounding {
    /// What lies in each partition alone; one that is empty costs the minimum.
    PerPartition,
    /// The whole page once.
    PerPage,
}

/// What a write costs whose condition fails because there is no item. Documents disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CondFailMissingRule {
    /// What the request carried.
    Carried,
    /// One unit.
    OneWcu,
}

/// How unused capacity is kept for bursts. The documentation fits both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurstModel {
    /// Until it is used.
    TokenBucket,
    /// For `burst_seconds` from when it was not used; then it expires.
    SlidingWindow,
}

/// Which exception a throttle brings. Documents disagree about two of its causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleExceptionMap {
    /// A hot partition follows the table's billing, a quota is `RequestLimitExceeded`.
    ByMode,
    /// A hot partition is always a `ThrottlingException`, as the guide to errors has it.
    ErrorGuide,
    /// So is an exhausted quota, as the guide to throttled indexes has it.
    IndexGuide,
}
