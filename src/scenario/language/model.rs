//! `[model]`: the rules of DynamoDB that AWS does not publish.

use super::{Bounds, Form, SECOND, Section, optional, within};
use crate::scenario::quantity::Quantity;

const fn seconds(min: f64, max: f64) -> Form {
    Form::Whole(
        Quantity::Duration,
        within(min * SECOND, max * SECOND),
        SECOND,
    )
}

const fn share(min: f64) -> Form {
    Form::Quantity(Quantity::Share, within(min, 1.0))
}

const UNITS: Bounds = within(1.0, 1e6);
const READ: Form = Form::Whole(Quantity::ReadUnits, UNITS, 1.0);
const WRITE: Form = Form::Whole(Quantity::WriteUnits, UNITS, 1.0);

/// `[model]`.
pub static MODEL: Section = Section {
    id: "model",
    title: "[model]",
    selector: None,
    doc: "The unpublished rules of the capacity model.",
    keys: &[
        optional(
            "number_size_rule",
            Form::OneOf(&["base100_aligned", "split_digits"]),
            "How many bytes a number takes: its digits in pairs from the point, or those before and behind it apart. Default `base100_aligned`.",
        ),
        optional(
            "update_ceiling_slack_bytes",
            Form::Quantity(Quantity::Size, within(0.0, 2000.0)),
            "How far below 400 KB an update already fails. Default 0 B.",
        ),
        optional(
            "page_limit_rule",
            Form::OneOf(&["include_crossing_item", "exclude"]),
            "Whether a page holds the item that takes it beyond 1 MiB. Default `include_crossing_item`.",
        ),
        optional(
            "scan_rounding",
            Form::OneOf(&["per_partition", "per_page"]),
            "Whether a page of a scan rounds in each partition that it touches, or once. Default `per_partition`.",
        ),
        optional(
            "cond_fail_missing_rule",
            Form::OneOf(&["carried", "one_wcu"]),
            "What a write costs whose condition fails for want of an item. Default `carried`.",
        ),
        optional(
            "burst_model",
            Form::OneOf(&["token_bucket", "sliding_window"]),
            "Whether unused capacity is kept until it is used, or expires after `burst_seconds`. Default `token_bucket`.",
        ),
        optional(
            "burst_seconds",
            seconds(1.0, 3600.0),
            "Seconds of unused capacity that are kept for bursts. Default 300s.",
        ),
        optional(
            "initial_burst_fraction",
            share(0.0),
            "Share of the burst that a table has when the run starts. Default 0 %.",
        ),
        optional(
            "admission_rule",
            Form::OneOf(&["debit_after", "strict"]),
            "`debit_after`: admit while the balance is positive; `strict`: only when it covers the cost. Default `debit_after`.",
        ),
        optional(
            "partition_count_rule",
            Form::OneOf(&["max", "sum"]),
            "How RCU and WCU needs decide the number of partitions. Default `max`.",
        ),
        optional(
            "partition_bucket_seconds",
            seconds(1.0, 300.0),
            "Depth of a partition's bucket, in seconds of its ceiling. Default 1s.",
        ),
        optional(
            "partition_share_mode",
            Form::OneOf(&["gac", "legacy_even_share"]),
            "`gac`: partitions share the table's capacity; `legacy_even_share`: an even part each. Default `gac`.",
        ),
        optional(
            "partition_read_cap",
            READ,
            "RCU that one partition serves. Default 3000 RCU.",
        ),
        optional(
            "partition_write_cap",
            WRITE,
            "WCU that one partition serves. Default 1000 WCU.",
        ),
        optional(
            "split_size_gb",
            Form::Number(within(0.001, 1000.0)),
            "GiB that one partition holds. Default 10.",
        ),
        optional(
            "ec_read_partition_multiplier",
            Form::Number(within(1.0, 3.0)),
            "How much more a partition serves of eventually consistent reads. Default 1.",
        ),
        optional(
            "gac_replenish_seconds",
            seconds(0.0, 10.0),
            "For how long capacity is handed out at a time; 0 s: continuously. Default 0s.",
        ),
        optional(
            "split_trigger_fraction",
            share(0.01),
            "Share of its ceiling from which a partition is hot. Default 90 %.",
        ),
        optional(
            "split_trigger_seconds",
            seconds(1.0, 86_400.0),
            "How long a partition is hot until it splits. Default 600s.",
        ),
        optional(
            "split_duration_seconds",
            seconds(0.0, 3600.0),
            "How long a split takes. Default 120s.",
        ),
        optional(
            "single_key_share",
            share(0.5),
            "Share of a partition's heat from which one key makes a split useless. Default 90 %.",
        ),
        optional(
            "split_policy",
            Form::OneOf(&["weighted_median", "midpoint"]),
            "Where a hot partition splits: in the middle of its traffic or of its key range. Default `weighted_median`.",
        ),
        optional(
            "gsi_backpressure_mode",
            Form::OneOf(&["coupled", "buffered"]),
            "`coupled`: a write needs the capacity of its global indexes at once; `buffered`: until a buffer is full. Default `coupled`.",
        ),
        optional(
            "gsi_buffer_units",
            Form::Whole(Quantity::WriteUnits, within(0.0, 1e6), 1.0),
            "Index writes that may wait, when buffered. Default 1000 WCU.",
        ),
        optional(
            "throttle_exception_map",
            Form::OneOf(&["by_mode", "error_guide", "index_guide"]),
            "Which exception tells of a hot partition and of a quota, where documents disagree. Default `by_mode`.",
        ),
        optional(
            "quota_scope",
            Form::OneOf(&["per_resource", "table_plus_gsis"]),
            "Whether the quota of a table holds for each global index on its own. Default `per_resource`.",
        ),
        optional(
            "table_read_quota",
            READ,
            "The account's read quota for an on-demand table. Default 40000 RCU.",
        ),
        optional(
            "table_write_quota",
            WRITE,
            "The account's write quota for an on-demand table. Default 40000 WCU.",
        ),
        optional(
            "od_initial_read",
            READ,
            "What a new on-demand table reads at once. Default 12000 RCU.",
        ),
        optional(
            "od_initial_write",
            WRITE,
            "What a new on-demand table writes at once. Default 4000 WCU.",
        ),
        optional(
            "od_peak_window",
            seconds(1.0, 300.0),
            "Over how long an on-demand table's peak is averaged. Default 60s.",
        ),
        optional(
            "od_growth_interval",
            seconds(0.0, 3600.0),
            "How long a peak must be past until twice as much is served at once. Default 1800s.",
        ),
        optional(
            "od_max_burst_seconds",
            seconds(0.0, 300.0),
            "Seconds of unused maximum that an on-demand table keeps. Default 0s.",
        ),
        optional(
            "as_high_points",
            Form::Count { min: 1, max: 60 },
            "Minutes above target until auto scaling raises. Default 2.",
        ),
        optional(
            "as_low_points",
            Form::Count { min: 1, max: 1440 },
            "Minutes far below target until auto scaling lowers. Default 15.",
        ),
        optional(
            "as_scale_in_margin",
            share(0.0),
            "How far below target that is, in points of utilisation. Default 20 %.",
        ),
        optional(
            "as_alarm_delay_seconds",
            seconds(0.0, 3600.0),
            "From the last of these minutes to the call of UpdateTable. Default 60s.",
        ),
        optional(
            "as_update_lag_seconds",
            seconds(0.0, 3600.0),
            "From a call of UpdateTable, by auto scaling or by hand, to its effect. Default 60s.",
        ),
        optional(
            "as_treat_missing",
            Form::OneOf(&["zero", "ignore"]),
            "Whether a minute without traffic counts for auto scaling. Default `zero`.",
        ),
        optional(
            "decrease_tokens_start",
            Form::Count { min: 0, max: 1000 },
            "Decreases of a table's or an index's capacity that a UTC day begins with. Default 4.",
        ),
        optional(
            "decrease_tokens_per_hour",
            Form::Count { min: 0, max: 1000 },
            "Decreases that are added each hour. Default 1.",
        ),
        optional(
            "decrease_tokens_max",
            Form::Count { min: 0, max: 1000 },
            "Most decreases that are there at once. Default 4.",
        ),
        optional(
            "hours_per_month",
            Form::Count { min: 720, max: 744 },
            "Hours of a month, for prices by the month. Default 730.",
        ),
    ],
};
