//! What a user calls production, and what must therefore never be fired at.

/// Where a user says so: patterns, divided by commas.
const VARIABLE: &str = "DYNO_PRODUCTION";
/// What counts where a user says nothing.
const DEFAULT: &str = "prod,production,prd";

/// Patterns for names of tables, tags (`key=value`) and account numbers, without regard to case.
/// A plain word matches a text that has it as one of its words; one with `*` in it a whole text.
#[derive(Clone, Debug)]
pub(super) struct Production(Vec<String>);

impl Production {
    /// As the environment says; empty switches it off.
    pub(super) fn of_user() -> Self {
        Self::parse(&std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned()))
    }

    fn parse(patterns: &str) -> Self {
        let patterns = patterns.split(',').map(|it| it.trim().to_lowercase());
        Self(patterns.filter(|it| !it.is_empty()).collect())
    }

    /// Refuses what a pattern matches: `what` says what `text` is.
    pub(super) fn refuse(&self, what: &str, text: &str) -> anyhow::Result<()> {
        let Some(pattern) = self.matching(text) else {
            return Ok(());
        };
        anyhow::bail!(
            "{what} {text} is production: it matches {pattern:?}\n  help: what counts as \
             production is set by {VARIABLE}, now {:?}: words or patterns with *, divided by \
             commas, for names of tables, tags (key=value) and accounts",
            self.0.join(",")
        )
    }

    fn matching(&self, text: &str) -> Option<&str> {
        let text = text.to_lowercase();
        let matches = |pattern: &&String| {
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            if pattern.contains('*') {
                is_like(&text, pattern)
            } else {
                words.any(|word| word == **pattern)
            }
        };
        self.0.iter().find(matches).map(String::as_str)
    }
}

/// Whether `text` is `pattern`, in which `*` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_words_and_stars_match_anything() {
        let check = |patterns: &str, text: &str, expected: bool| {
            let found = Production::parse(patterns).matching(text).is_some();
            assert_eq!(found, expected, "{patterns} on {text}");
        };
        for text in [
            "orders-prod",
            "PROD.orders",
            "env=Production",
            "prod",
            "a_prd_1",
        ] {
            check(DEFAULT, text, true);
        }
        for text in ["products", "reproduction", "env=staging", "123456789012"] {
            check(DEFAULT, text, false);
        }
        check("live*, 123456789012", "LiveOrders", true);
        check("live*, 123456789012", "123456789012", true);
        check("live*", "alive", false);
        check("*=live", "stage=live", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("ab*ba", "aba", false);
        check("", "prod", false);
    }
}
