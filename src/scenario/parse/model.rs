//! `[model]`: the unpublished rules of the capacity model.

use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};

use super::{
    super::{
        ModelParameters,
        file::{Problems, fields::Fields},
    },
    share, small, units,
};

/// The defaults where nothing is said.
pub(super) fn read(top: &Fields<'_>, problems: &mut Problems) -> ModelParameters {
    let mut model = ModelParameters::default();
    let Some(fields) = top.one(problems, "model") else {
        return model;
    };
    /// Each field is read under its own name, so that no two can be mixed up.
    macro_rules! set {
        ($($read:ident: $($name:ident)*;)*) => {$($(
            if let Some(value) = $read(&fields, stringify!($name), problems) {
                model.$name = value;
            }
        )*)*};
    }
    set! {
        seconds: burst_seconds gac_replenish_seconds partition_bucket_seconds split_trigger_seconds
            split_duration_seconds od_peak_window od_growth_interval od_max_burst_seconds
            as_alarm_delay_seconds as_update_lag_seconds;
        share: initial_burst_fraction split_trigger_fraction single_key_share
            as_scale_in_margin;
        units: partition_read_cap partition_write_cap gsi_buffer_units table_read_quota
            table_write_quota od_initial_read od_initial_write update_ceiling_slack_bytes;
        number: split_size_gb ec_read_partition_multiplier;
        small: as_high_points as_low_points decrease_tokens_start decrease_tokens_per_hour
            decrease_tokens_max hours_per_month;
        word: number_size_rule page_limit_rule scan_rounding cond_fail_missing_rule burst_model
            throttle_exception_map admission_rule partition_count_rule partition_share_mode split_policy
            gsi_backpressure_mode quota_scope as_treat_missing;
    }
    model
}

fn number(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<f64> {
    fields.number(problems, name)
}

/// Whole seconds; their form bounds them to a day.
fn seconds(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<u32> {
    let duration = fields.duration(problems, name)?;
    u32::try_from(duration.as_secs()).ok()
}

/// One of a rule's words, which its form lists.
fn word<T: DeserializeOwned>(
    fields: &Fields<'_>,
    name: &str,
    problems: &mut Problems,
) -> Option<T> {
    let word = fields.one_of(problems, name)?;
    let word: Result<T, Error> = T::deserialize(word.into_deserializer());
    Some(word.expect("the form lists the words of the rule"))
}
